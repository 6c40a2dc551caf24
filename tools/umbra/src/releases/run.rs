//! A machine whose clients load a device, and the updates made to it.

use super::class::Reports;
use super::drive::{Device, Installed, Progress, drive};
use super::plan::{self, Choice};
use super::report::Report;
use super::{Class, Family, Release, Verdict, record};
use crate::build::Config;
use crate::ctl::{Client, text};
use crate::demo::machine::{self, Setup};
use crate::demo::{self, Clock, Patience};
use crate::disk::Layout;
use crate::pack::{self, Driver};
use crate::qemu::{Guest, Tee};
use crate::system;
use anyhow::{Context, Result, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Kind, PackageLabel, Record, State};
use control_protocol::request::Policy;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

/// Requests of each client that a release has served before it is replaced.
const SERVED: u64 = 40;

/// A run.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Whose releases.
    pub family: Family,
    /// Versions to try; empty: all that the workspace has.
    pub versions: &'a [String],
    /// Version that the system starts with, and clients begin with; `None`: the oldest that comes up.
    pub first: Option<&'a str>,
    /// Random pairs.
    pub choice: Choice,
    /// Kernel configuration.
    pub config: Config,
    /// Kernel to start it on, instead of ours.
    pub kernel: Option<&'a Path>,
    /// Where the console goes.
    pub tee: Tee,
}

/// Builds, asks each release for its record, boots, updates, and checks what clients left behind.
///
/// # Errors
/// It could not be run. That something did not hold is no error but in the report.
pub fn run(plan: &Plan<'_>, say: Progress<'_>) -> Result<Report> {
    let chosen = chosen(plan.family.drivers()?, plan.versions)?;
    let (mut releases, mut packages) = (Vec::new(), Vec::new());
    for driver in &chosen {
        say(format!("asking {} for its record", driver.fields.label()));
        releases.push(Release {
            version: driver.fields.version.clone(),
            record: record::of(driver, plan.family)?,
        });
        packages.push(pack::pack(driver, plan.config)?.bytes);
    }
    let comes_up: Vec<bool> = releases.iter().map(|release| release.record.is_some()).collect();
    let is_first = |release: &Release| match plan.first {
        Some(version) => release.version == version,
        None => release.record.is_some(),
    };
    let first = releases.iter().position(is_first);
    let first = first.filter(|at| comes_up[*at]).with_context(|| {
        format!(
            "{} is none of the releases that come up",
            plan.first.unwrap_or("any")
        )
    })?;
    let mut report = Report {
        class: plan.family.class(),
        first,
        pairs: plan::beginnable(plan::pairs(releases.len(), plan.choice), &comes_up),
        releases,
        made: Vec::new(),
        verdict: Verdict::default(),
    };
    let image = image(&chosen[first], plan)?;
    let mut guest = machine::start(&Setup {
        image: &image,
        layout: Layout {
            seed: plan.choice.seed,
            ..Layout::default()
        },
        clock: Clock::Icount,
        limit: limit(plan.family, report.releases.len(), report.pairs.len()),
        tee: plan.tee,
        attached: plan.family.attached()?,
        detached: false,
    })?;
    report.verdict = match load(&guest, plan.family, &packages, &mut report, say) {
        Ok(reports) => {
            let image_file = machine::disk(&guest);
            guest.shut_down().context("ending the machine")?;
            reports.verdict(&image_file)?
        }
        Err(error) => demo::undecided(&error, &guest).into(),
    };
    Ok(report)
}

/// The machine lives no longer than this: an update takes at most a sixth of its patience even on a busy host, and a pair is up to two
/// of them.
fn limit(family: Family, releases: usize, pairs: usize) -> Duration {
    Duration::from_secs(300) + family.patience() / 6 * (2 * releases + 2 * pairs) as u32
}

/// Everything that is done while the machine runs.
fn load(
    guest: &Guest,
    family: Family,
    packages: &[Vec<u8>],
    report: &mut Report,
    say: Progress<'_>,
) -> Result<Reports> {
    say("waiting for both clients to load the device".into());
    let mut machine = Machine::started(demo::connect(&machine::command(guest))?, family, packages)?;
    let Report {
        releases,
        first,
        pairs,
        made,
        ..
    } = report;
    drive(releases, *first, pairs, &mut machine, say, made)?;
    say("stopping the clients in order".into());
    machine.stop()
}

/// The releases of these versions, oldest first.
fn chosen(all: Vec<Driver>, versions: &[String]) -> Result<Vec<Driver>> {
    let known: Vec<String> = all.iter().map(|driver| driver.fields.version.clone()).collect();
    for version in versions {
        ensure!(
            known.contains(version),
            "there is no release {version}; known: {}",
            known.join(", ")
        );
    }
    let wanted = |driver: &Driver| versions.is_empty() || versions.contains(&driver.fields.version);
    let chosen: Vec<Driver> = all.into_iter().filter(wanted).collect();
    ensure!(chosen.len() > 1, "an update needs two releases");
    Ok(chosen)
}

/// The family's system, started with this driver.
fn image(driver: &Driver, plan: &Plan<'_>) -> Result<Vec<u8>> {
    let description = plan.family.description();
    let text = std::fs::read_to_string(&description)
        .with_context(|| format!("reading {}", description.display()))?;
    let (before, rest) = text
        .split_once(PACKAGE)
        .context("the description names no package")?;
    let (_, behind) = rest.split_once('"').context("the description's package")?;
    let text = format!("{before}{PACKAGE}{}\"{behind}", driver.fields.label());
    Ok(system::build_described(&description, &text, plan.kernel, plan.config)?.image)
}

/// Before the name of the device's first driver in the description.
const PACKAGE: &str = " package=\"";

/// The running machine.
struct Machine<'a> {
    client: Client,
    class: Class,
    packages: &'a [Vec<u8>],
    hashes: Vec<PackageHash>,
    patience: Patience,
    errors: u64,
    /// Number of the last update.
    last: u32,
}

impl<'a> Machine<'a> {
    /// Waits until both clients load the device.
    fn started(mut client: Client, family: Family, packages: &'a [Vec<u8>]) -> Result<Self> {
        let patience = Patience {
            transaction: family.patience(),
            ..Patience::default()
        };
        let class = family.class();
        class.load().loaded(&mut client, patience.boot)?;
        Ok(Self {
            client,
            class,
            packages,
            hashes: packages
                .iter()
                .map(|package| Sha256::digest(package).into())
                .collect(),
            patience,
            errors: 0,
            last: 0,
        })
    }

    /// Requests answered, and failed, by client.
    fn counts(&mut self) -> Result<[(u64, u64); 2]> {
        let mut counts = [(0, 0); 2];
        for (count, client) in counts.iter_mut().zip(self.class.load().clients) {
            let header = demo::header(&mut self.client, client)?;
            *count = (header.requests, header.client_errors);
        }
        Ok(counts)
    }

    /// Waits until each client has had some answers more.
    fn served(&mut self) -> Result<()> {
        let before = self.counts()?;
        demo::wait(self.patience.transaction, "answers to both clients", || {
            let now = self.counts()?;
            let mut both = now.iter().zip(&before);
            Ok(both.all(|(now, before)| now.0 >= before.0 + SERVED).then_some(()))
        })
    }

    fn errors_since(&mut self) -> Result<u64> {
        let all = self.counts()?.iter().map(|(_, errors)| errors).sum();
        Ok(all - std::mem::replace(&mut self.errors, all))
    }

    fn release(&self, package: Option<&PackageLabel>) -> Option<usize> {
        let package = package?;
        self.hashes
            .iter()
            .position(|hash| hash.starts_with(&package.hash))
    }

    /// What happened between the last update and this one: records have consecutive numbers.
    fn troubles(&mut self, job: u32) -> Result<Vec<String>> {
        let mut troubles = Vec::new();
        for id in (self.last + 1)..job {
            let record = self.client.job(id)?;
            if record.kind != Kind::Boot {
                troubles.push(told(&record));
            }
        }
        self.last = job;
        Ok(troubles)
    }

    fn stop(mut self) -> Result<Reports> {
        self.class.stop(&mut self.client, &self.patience)
    }
}

/// What happened to a driver by itself.
fn told(record: &Record) -> String {
    let cause = record.cause.as_ref().map(text::reason);
    let end = match record.state {
        State::Done(outcome) => demo::line(outcome),
        state => text::state(&state),
    };
    format!(
        "{} of {}, because {}: {end}; {} runs",
        text::kind(record.kind),
        text::package(record.from.as_ref()),
        cause.as_deref().unwrap_or("of something unknown"),
        text::package(record.result.as_ref()),
    )
}

impl Device for Machine<'_> {
    fn install(&mut self, release: usize, policy: Policy) -> Result<Installed> {
        let (patience, load) = (self.patience.transaction, self.class.load());
        demo::settled(&mut self.client, load.device, patience)?;
        let hash = self.client.upload(&self.packages[release], |_, _| {})?;
        let job = self.client.update(load.device, hash, policy)?;
        let record = demo::finished(&mut self.client, job, patience)?;
        let State::Done(outcome) = record.state else {
            anyhow::bail!("unfinished: {:?}", record.state);
        };
        let device = demo::settled(&mut self.client, load.device, patience)?;
        load.still_loaded(&mut self.client)?;
        self.served()?;
        Ok(Installed {
            began: self.release(record.from.as_ref()),
            troubles: self.troubles(job)?,
            outcome,
            figures: record.figures,
            running: self.release(device.package.as_ref()),
            client_errors: self.errors_since()?,
        })
    }
}
