//! From a boot image to a verdict: start the machine, take the steps, end it, check its disks.

use super::channel;
use super::machine::{self, Attached, Setup};
use super::report::{Checked, Expected, Row};
use super::report::{Clock, Report};
use super::steps::{self, Bad, Course, FIRST, Packages, Patience, Progress, SECOND, damaged};
use crate::build::Config;
use crate::disk::{self, ClientReport, Layout, Verdict};
use crate::pack;
use crate::qemu::{Guest, Tee};
use crate::timeline::{self, Recording};
use anyhow::{Context, Result};
use control_protocol::vitals::Flow;
use std::path::Path;
use std::time::Duration;

/// The releases of the first disk's driver, in order; the first is the one that the system starts with.
const RELEASES: [&str; 3] = ["virtio-blk-0.8.0", "virtio-blk-0.12.0", "virtio-blk-0.13.0"];
/// Those of the NVMe disk's driver.
const NVME: [&str; 2] = ["nvme-0.8.2", "nvme-0.5.2"];
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
    /// Where the system has its disks.
    pub attached: Attached,
    /// What is done to each of them, in order.
    pub courses: &'a [Course],
    /// Updates of each before the bad inputs.
    pub updates: usize,
    /// Virtual or real time.
    pub clock: Clock,
    /// Seed of everything random.
    pub seed: u64,
    /// Where the console goes.
    pub tee: Tee,
    /// Where to leave a copy of the first disk's image; that of a second one goes into the file with `.1` behind its name.
    pub keep_disk: Option<&'a Path>,
    /// Where to draw the first update.
    pub svg: Option<&'a Path>,
}

/// Builds what the demo sends to the first disk.
pub fn packages(config: Config) -> Result<Packages> {
    let releases = built(&RELEASES, config)?;
    let bad = vec![
        broken(&releases),
        Bad {
            package: one(NO_FLUSH, config)?,
            expected: Expected::CapabilityLost,
            what: "a driver that lost a capability",
        },
        Bad {
            package: one(FAULTING, config)?,
            expected: Expected::Faulted,
            what: "a driver that faults in probe",
        },
    ];
    Ok(Packages { releases, bad })
}

/// Builds what the demo sends to the NVMe disk, but for the other one's driver.
pub fn nvme(config: Config) -> Result<Packages> {
    let releases = built(&NVME, config)?;
    let bad = vec![broken(&releases)];
    Ok(Packages { releases, bad })
}

/// Builds what the demo sends to both disks.
pub fn courses(config: Config) -> Result<[Course; 2]> {
    let (packages, mut nvme) = (packages(config)?, nvme(config)?);
    let foreign = Bad {
        package: packages.releases.first().cloned().unwrap_or_default(),
        expected: Expected::Foreign,
        what: "the other disk's driver",
    };
    nvme.bad.push(foreign);
    Ok([(FIRST, packages), (SECOND, nvme)].map(|(disk, packages)| Course { disk, packages }))
}

fn one(called: &str, config: Config) -> Result<Vec<u8>> {
    Ok(pack::pack(&pack::find(called)?, config)?.bytes)
}

fn built(releases: &[&str], config: Config) -> Result<Vec<Vec<u8>>> {
    releases.iter().map(|label| one(label, config)).collect()
}

fn broken(releases: &[Vec<u8>]) -> Bad {
    Bad {
        package: releases
            .first()
            .map(|package| damaged(package))
            .unwrap_or_default(),
        expected: Expected::Damaged,
        what: "a damaged package",
    }
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
        limit: Duration::from_secs(180 + 10 * (plan.updates * plan.courses.len()) as u64),
        tee: plan.tee,
        detached: false,
    })?;
    let mut rows = Vec::new();
    let verdicts = match take_steps(&guest, plan, progress, &mut rows) {
        Ok(reports) => {
            let images = machine::disks(&guest);
            guest.shut_down().context("ending the machine")?;
            for (number, image) in images.iter().take(reports.len()).enumerate() {
                keep(image, number, plan.keep_disk)?;
            }
            let disks = images.iter().zip(&reports);
            disks
                .map(|(image, [blocks, files])| disk::check(image, blocks, files))
                .collect::<Result<Vec<_>>>()?
        }
        Err(error) => vec![undecided(&error, &guest)],
    };
    // What ends the run ends it for all of them.
    let verdicts = verdicts.into_iter().chain(std::iter::repeat_with(|| Verdict {
        undecided: 1,
        ..Verdict::default()
    }));
    let checked = |(course, verdict): (&Course, _)| Checked {
        device: course.disk.device.into(),
        verdict,
    };
    Ok(Report {
        clock: plan.clock,
        rows,
        disks: plan.courses.iter().zip(verdicts).map(checked).collect(),
    })
}

fn keep(image: &Path, number: usize, at: Option<&Path>) -> Result<()> {
    let Some(path) = at else { return Ok(()) };
    let path = match number {
        0 => path.to_owned(),
        _ => path.with_added_extension(number.to_string()),
    };
    std::fs::copy(image, &path).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

fn take_steps(
    guest: &Guest,
    plan: &Plan<'_>,
    progress: Progress<'_>,
    rows: &mut Vec<Row>,
) -> Result<Vec<[ClientReport; 2]>> {
    let mut client = channel::connect(&machine::command(guest))?;
    let patience = Patience::default();
    if plan.svg.is_some() {
        // The first driver's start is no update.
        steps::loaded(&mut client, patience.boot)?;
        client.record(steps::DEVICE, Flow::Single)?;
    }
    let reports = steps::run(&mut client, plan.courses, plan.updates, &patience, progress, rows)?;
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
