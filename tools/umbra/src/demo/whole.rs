//! From a boot image to a verdict: start the machine, take the steps, end it, check its disk.

use super::machine::{self, Attached, Setup};
use super::report::{Clock, Report};
use super::steps::{self, Packages, Patience, Progress};
use super::{channel, report::Row};
use crate::build::Config;
use crate::disk::{self, ClientReport, Layout, Verdict};
use crate::pack;
use crate::qemu::{Guest, Tee};
use crate::timeline::{self, Recording};
use anyhow::{Context, Result};
use control_protocol::vitals::Flow;
use std::path::Path;
use std::time::Duration;

/// The releases, in order; the first is the one that the system starts with.
const RELEASES: [&str; 3] = ["virtio-blk-0.8.0", "virtio-blk-0.12.0", "virtio-blk-0.13.0"];
/// Drivers of the test suite, by crate.
const NO_FLUSH: &str = "no-flush";
const FAULTING: &str = "fault-in-probe";

/// Lines of the console that are shown when something went wrong.
const LAST_LINES: usize = 20;

/// A demo to run.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Boot image of the system.
    pub image: &'a [u8],
    /// Where the system has its disk.
    pub attached: Attached,
    /// Packages to send.
    pub packages: &'a Packages,
    /// Updates before the bad inputs.
    pub updates: usize,
    /// Virtual or real time.
    pub clock: Clock,
    /// Seed of everything random.
    pub seed: u64,
    /// Where the console goes.
    pub tee: Tee,
    /// Where to leave a copy of the disk image.
    pub keep_disk: Option<&'a Path>,
    /// Where to draw the first update.
    pub svg: Option<&'a Path>,
}

/// Builds the packages that the demo sends.
pub fn packages(config: Config) -> Result<Packages> {
    let pack = |called: &str| Ok::<_, anyhow::Error>(pack::pack(&pack::find(called)?, config)?.bytes);
    Ok(Packages {
        releases: RELEASES.iter().map(|label| pack(label)).collect::<Result<_>>()?,
        no_flush: pack(NO_FLUSH)?,
        faulting: pack(FAULTING)?,
    })
}

/// Runs the demo.
///
/// # Errors
/// It could not be run. That something did not hold is no error but in the report.
pub fn demonstrate(plan: &Plan<'_>, progress: Progress<'_>) -> Result<Report> {
    let mut guest = machine::start(&Setup {
        image: plan.image,
        layout: Layout {
            seed: plan.seed,
            ..Layout::default()
        },
        attached: plan.attached,
        clock: plan.clock,
        // Transactions take a second or two on a busy host; the machine must outlive them.
        limit: Duration::from_secs(180 + 10 * plan.updates as u64),
        tee: plan.tee,
        detached: false,
    })?;
    let mut rows = Vec::new();
    let verdict = match take_steps(&guest, plan, progress, &mut rows) {
        Ok([blocks, files]) => {
            let image_file = machine::disk(&guest);
            guest.shut_down().context("ending the machine")?;
            if let Some(path) = plan.keep_disk {
                std::fs::copy(&image_file, path).with_context(|| format!("writing {}", path.display()))?;
            }
            disk::check(&image_file, &blocks, &files)?
        }
        Err(error) => undecided(&error, &guest),
    };
    Ok(Report {
        clock: plan.clock,
        rows,
        verdict,
    })
}

fn take_steps(
    guest: &Guest,
    plan: &Plan<'_>,
    progress: Progress<'_>,
    rows: &mut Vec<Row>,
) -> Result<[ClientReport; 2]> {
    let mut client = channel::connect(&machine::command(guest))?;
    let patience = Patience::default();
    if plan.svg.is_some() {
        // The first driver's start is no update.
        steps::loaded(&mut client, patience.boot)?;
        client.record(steps::DEVICE, Flow::Single)?;
    }
    let reports = steps::run(
        &mut client,
        plan.packages,
        plan.updates,
        &patience,
        progress,
        rows,
    )?;
    if let Some(file) = plan.svg {
        let title = rows.first().map_or_else(String::new, Row::title);
        timeline::write(&Recording::of(&mut client)?, &title, file)?;
    }
    Ok(reports)
}

/// Of a run that could not go on: nothing is known of the disk, but what QEMU and the console said at last.
pub fn undecided(error: &anyhow::Error, guest: &Guest) -> Verdict {
    let mut findings = vec![format!("{error:#}")];
    findings.extend(last_words(guest));
    Verdict {
        undecided: 1,
        findings,
        ..Verdict::default()
    }
}

/// What QEMU and the console said at last.
fn last_words(guest: &Guest) -> Vec<String> {
    let (messages, console) = (guest.messages(), guest.console().text());
    let console: Vec<&str> = console.lines().collect();
    let from = console.len().saturating_sub(LAST_LINES);
    let lines = messages.lines().map(|line| format!("QEMU: {line}"));
    lines
        .chain(console[from..].iter().map(|line| format!("guest: {line}")))
        .collect()
}
