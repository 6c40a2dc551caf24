//! What an operator can do beside putting a driver in: rehearse, stage, commit, discard, go back, and bring what is refused.
//! Under load; no client may notice any of it.

use crate::company;
use crate::refusals;
use crate::running::Running;
use anyhow::{Result, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Kind, Outcome, PackageLabel, Reason, State};
use control_protocol::reply::{Condition, Device, Error};
use control_protocol::request::{Commit, Policy};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::{Client, ClientError};
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    // Here the disk interrupts by its line; elsewhere by a message.
    let line = (" msi=\"80\"", "");
    let mut running = Running::altered("pci-line", &[line], config, kernel)?;
    running.operate(|client, patience| play(client, config, patience))?;
    company::run(&mut running, config)?;
    running.operate(|client, patience| refusals::for_good(client, &good(config)?, patience))?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// The number of a job, or why there is none.
type Answer = std::result::Result<u32, ClientError>;

struct Session<'a> {
    client: &'a mut Client,
    patience: &'a Patience,
}

impl Session<'_> {
    /// The device at rest.
    fn device(&mut self) -> Result<Device> {
        demo::settled(self.client, DEVICE, self.patience.transaction)
    }

    /// Waits for a job that must be done.
    fn done(&mut self, job: Answer) -> Result<Kind> {
        let record = demo::finished(self.client, job?, self.patience.transaction)?;
        ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
        demo::still_loaded(self.client)?;
        Ok(record.kind)
    }

    fn refused(&mut self, job: Answer, expected: Error) -> Result<()> {
        match job {
            Err(ClientError::Refused(error)) if error == expected => Ok(()),
            other => anyhow::bail!("{other:?} instead of {expected:?}"),
        }
    }
}

fn is(label: Option<&PackageLabel>, package: &PackageHash) -> bool {
    label.is_some_and(|label| package.starts_with(&label.hash))
}

fn play(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    demo::loaded(client, patience.boot)?;
    let upload = |client: &mut Client, label: &str| -> Result<PackageHash> {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        Ok(client.upload(&package, |_, _| {})?)
    };
    // The store has no room for what these cases send and for more.
    refusals::all(client, &good(config)?, patience)?;
    let new = upload(client, "virtio-blk-0.12.0")?;
    let faulting = upload(client, "fault-in-probe")?;
    let damaged = client.upload(b"not a package at all", |_, _| {})?;
    let session = &mut Session { client, patience };
    rehearse(session, faulting, damaged)?;
    stage(session, new, faulting)?;
    commit_and_discard(session, new)
}

/// A package that the machine takes.
fn good(config: Config) -> Result<Vec<u8>> {
    Ok(pack::pack(&pack::find("virtio-blk-0.12.0")?, config)?.bytes)
}

/// A rehearsal touches nothing, whatever comes of it.
fn rehearse(session: &mut Session<'_>, faulting: PackageHash, damaged: PackageHash) -> Result<()> {
    let before = session.device()?;
    // That it faults in its probe, only the device could tell.
    let job = session.client.check(DEVICE, faulting);
    ensure!(session.done(job)? == Kind::Check);
    let job = session.client.check(DEVICE, damaged)?;
    let record = demo::finished(session.client, job, session.patience.transaction)?;
    let refused = matches!(
        record.state,
        State::Done(Outcome::Refused(Reason::Damaged { .. }))
    );
    ensure!(refused, "{record:?}");
    let after = session.device()?;
    ensure!(
        (after.generation, after.condition) == (before.generation, before.condition),
        "{after:?}"
    );
    Ok(())
}

/// A staged driver waits, is given up for another one, is put in, or is discarded.
fn stage(session: &mut Session<'_>, new: PackageHash, faulting: PackageHash) -> Result<()> {
    let before = session.device()?;
    for package in [faulting, new] {
        let job = session.client.stage(DEVICE, package);
        ensure!(session.done(job)? == Kind::Stage);
        let device = session.device()?;
        ensure!(is(device.staged.as_ref(), &package) && device.generation == before.generation);
    }
    let job = session.client.update(DEVICE, new, Policy::Refuse);
    session.done(job)?;
    let device = session.device()?;
    ensure!(
        is(device.package.as_ref(), &new) && device.staged.is_none(),
        "{device:?}"
    );
    let job = session.client.commit(DEVICE);
    ensure!(session.done(job)? == Kind::Commit);
    let job = session.client.stage(DEVICE, faulting);
    session.done(job)?;
    let job = session.client.discard(DEVICE);
    ensure!(session.done(job)? == Kind::Discard);
    ensure!(session.device()?.staged.is_none());
    let job = session.client.discard(DEVICE);
    session.refused(job, Error::NothingToDiscard)?;
    let job = session.client.rollback(DEVICE);
    ensure!(session.done(job)? == Kind::Rollback);
    Ok(())
}

/// An update that waits for the operator's word outlives the probation time, and is undone or made final by him.
fn commit_and_discard(session: &mut Session<'_>, new: PackageHash) -> Result<()> {
    let wait_out = |session: &mut Session<'_>| {
        let now = session.client.hello()?.now_ns;
        demo::wait(session.patience.transaction, "the probation time", || {
            Ok((session.client.hello()?.now_ns > now + 1_500_000_000).then_some(()))
        })
    };
    wait_out(session)?;
    let before = session.device()?;
    ensure!(before.condition == Condition::Working, "{before:?}");
    for undo in [true, false] {
        let job = session
            .client
            .update_until(DEVICE, new, Policy::Refuse, Commit::Manual, None);
        session.done(job)?;
        wait_out(session)?;
        let device = session.device()?;
        ensure!(
            device.condition == Condition::Probation && device.awaits_commit,
            "{device:?}"
        );
        let job = session.client.stage(DEVICE, new);
        session.refused(job, Error::Uncommitted)?;
        if undo {
            let job = session.client.discard(DEVICE);
            session.done(job)?;
            let device = session.device()?;
            ensure!(
                device.condition == Condition::Working && device.package == before.package,
                "{device:?}"
            );
        }
    }
    let job = session.client.commit(DEVICE);
    session.done(job)?;
    let device = session.device()?;
    ensure!(
        device.condition == Condition::Working && is(device.package.as_ref(), &new),
        "{device:?}"
    );
    let kinds: Vec<_> = session
        .client
        .history(DEVICE)?
        .iter()
        .map(|record| record.kind)
        .collect();
    ensure!(
        kinds.ends_with(&[Kind::Update, Kind::Discard, Kind::Update, Kind::Commit]),
        "{kinds:?}"
    );
    Ok(())
}
