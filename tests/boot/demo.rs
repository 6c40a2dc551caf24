//! The demo as a test: releases forward and back under load on both disks, the bad inputs, kills, and the disks afterwards.

use anyhow::{Result, ensure};
use std::path::Path;
use umbra::build::Config;
use umbra::demo::{self, Clock, Plan};
use umbra::qemu::Tee;
use umbra::system;
use umbra::timeline::swap::STEPS;

/// Of each disk: once up, once down, and once more past the first release.
const UPDATES: usize = 6;

/// Runs it.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("update.svg");
    let description = system::two_disks();
    let image = system::boot_image(&description, kernel, config)?;
    let report = demo::demonstrate(
        &Plan {
            image: &image,
            attached: demo::machine::Attached::of(&description)?,
            courses: &demo::courses(config)?,
            updates: UPDATES,
            clock: Clock::Icount,
            seed: 7,
            tee: Tee::Quiet,
            keep_disk: None,
            svg: Some(&picture),
        },
        &mut |_, _, _| {},
    )?;
    ensure!(report.ok(), "{}", report.table());
    ensure!(report.rows.len() == 2 * UPDATES + 4 + 3, "{}", report.table());
    // The first update, with all its steps and the requests of both clients.
    let drawn = std::fs::read_to_string(&picture)?;
    for part in STEPS.into_iter().chain(["blackout", "stager", "impersonating"]) {
        ensure!(drawn.contains(part), "no {part} in {drawn}");
    }
    ensure!(!drawn.contains("not recorded"), "{drawn}");
    Ok(())
}
