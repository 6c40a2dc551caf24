//! What is done to the driver meanwhile.

use super::client::Load;
use super::figures::{Change, Figures};
use super::{DEVICE, Plan};
use crate::ctl::Client;
use crate::demo::{Operator, finished, settled, wait, walk};
use anyhow::{Context, Result, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Outcome, Reason, Record, State};
use std::time::Duration;

/// Answers that clients have had before the driver is touched again.
const BETWEEN: usize = 8;
/// Hangs after which a driver that hangs again and again should have been given up.
const HANGS_MAX: u32 = 8;

/// The operator, and who must not notice him.
pub struct Acts<'a> {
    pub operator: &'a mut Client,
    pub load: &'a Load,
    /// For one transaction.
    pub patience: Duration,
    pub figures: &'a mut Figures,
}

impl Acts<'_> {
    /// Updates, a rollback, kills, and a driver that hangs.
    pub fn all(&mut self, plan: &Plan<'_>, say: &mut dyn FnMut(String)) -> Result<()> {
        let releases = plan.packages.releases.iter();
        let releases: Vec<PackageHash> = releases
            .map(|package| Operator::upload(self.operator, package))
            .collect::<Result<_>>()?;
        for (number, release) in walk(releases.len(), plan.updates).into_iter().enumerate() {
            let what = format!("update {} of {}", number + 1, plan.updates);
            say(what.clone());
            let job = Operator::update(self.operator, DEVICE, releases[release])?;
            self.done(job, Change::Update).context(what)?;
        }
        if plan.updates > 0 {
            say("rollback".into());
            let job = self.operator.rollback(DEVICE)?;
            self.done(job, Change::Rollback).context("rollback")?;
        }
        for number in 0..plan.kills {
            let what = format!("kill {} of {}", number + 1, plan.kills);
            say(what.clone());
            let job = Operator::kill(self.operator, DEVICE)?;
            self.done(job, Change::Kill).context(what)?;
        }
        say("a driver that hangs".into());
        self.hang(&plan.packages.hanging).context("a driver that hangs")
    }

    /// Waits until it is done and clients have had answers since.
    fn done(&mut self, job: u32, change: Change) -> Result<()> {
        let record = finished(self.operator, job, self.patience)?;
        ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
        self.count(&record, change);
        self.go_on()
    }

    fn count(&mut self, record: &Record, change: Change) {
        let blackout = record.figures.blackout_ns.map(|ns| ns as f64 / 1e6);
        self.figures.changes.push((change, blackout));
    }

    fn go_on(&mut self) -> Result<()> {
        settled(self.operator, DEVICE, self.patience)?;
        self.load
            .wait_for(&mut self.figures.disturbed, BETWEEN, self.patience)
    }

    /// It hangs while it is on probation, and is undone; or later, is restarted, hangs again, and is given up.
    fn hang(&mut self, package: &[u8]) -> Result<()> {
        let before = settled(self.operator, DEVICE, self.patience)?.package;
        let package = Operator::upload(self.operator, package)?;
        let job = Operator::update(self.operator, DEVICE, package)?;
        let update = finished(self.operator, job, self.patience)?;
        if update.state == State::Done(Outcome::RolledBack(Reason::RequestDeadline)) {
            self.count(&update, Change::Hang);
            return self.go_on();
        }
        ensure!(update.state == State::Done(Outcome::Done), "{update:?}");
        for job in job + 1..=job + HANGS_MAX {
            let hung = wait(self.patience, "recovery", || {
                let record = self.operator.job(job).ok();
                Ok(record.filter(|record| matches!(record.state, State::Done(_))))
            })?;
            ensure!(hung.cause == Some(Reason::RequestDeadline), "{hung:?}");
            self.count(&hung, Change::Hang);
            self.go_on()?;
            let now = settled(self.operator, DEVICE, self.patience)?.package;
            if now.map(|one| one.hash) == before.as_ref().map(|one| one.hash) {
                return Ok(());
            }
        }
        anyhow::bail!("it was not given up after {HANGS_MAX} hangs")
    }
}
