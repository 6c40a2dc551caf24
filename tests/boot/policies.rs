//! What a lost capability means is the operator's choice: a driver that cannot flush, sent under each policy to a system under
//! load. Only flushes may fail, only while that driver serves, and the disk is right afterwards.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::request::Policy;
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, CLIENTS, DEVICE, Patience};
use umbra::pack;

/// Requests that must have gone through a driver before it is judged: some flushes are among them.
const MANY: u64 = 5000;

/// What the block client has counted.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub requests: u64,
    pub errors: u64,
    flushes: u64,
    /// Status of the first error, 0 if there was none.
    pub status: u64,
}

impl Counts {
    /// From the words of the report's header (`docs/formats/client-report.md`).
    pub fn read(client: &mut Client) -> Result<Self> {
        let bytes = client.report(CLIENTS[0], 0, 256)?;
        let word = |index: usize| {
            let word = bytes.get(8 * index..8 * index + 8).context("a short report")?;
            anyhow::Ok(u64::from_le_bytes(word.try_into()?))
        };
        Ok(Self {
            requests: word(5)?,
            errors: word(7)?,
            flushes: word(14)?,
            status: word(19)?,
        })
    }
}

/// Lets the clients work for a while with what runs now; what they counted in that time: requests, errors, flushes.
fn work(client: &mut Client, patience: &Patience) -> Result<[u64; 3]> {
    demo::settled(client, DEVICE, patience.transaction)?;
    let before = Counts::read(client)?;
    let after = demo::wait(patience.transaction, "the load", || {
        let now = Counts::read(client)?;
        Ok((now.requests >= before.requests + MANY).then_some(now))
    })?;
    Ok([
        after.requests - before.requests,
        after.errors - before.errors,
        after.flushes - before.flushes,
    ])
}

/// While the clients' counters are read the clients may stand between two of them.
fn only_flushes_failed([requests, errors, flushes]: [u64; 3]) -> bool {
    flushes > 0 && errors.abs_diff(flushes) <= 1 && requests > 20 * flushes
}

fn update(client: &mut Client, package: &[u8], policy: Policy, patience: &Patience) -> Result<Outcome> {
    demo::settled(client, DEVICE, patience.transaction)?;
    let hash = client.upload(package, |_, _| {})?;
    let job = client.update(DEVICE, hash, policy)?;
    match demo::finished(client, job, patience.transaction)?.state {
        State::Done(outcome) => Ok(outcome),
        state => anyhow::bail!("{state:?}"),
    }
}

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::demo(config, kernel)?;
    running.operate(|client, patience| play(client, config, patience))?;
    let verdict = running.check()?;
    ensure!(verdict.lost + verdict.corrupt + verdict.stale == 0, "{verdict:?}");
    Ok(())
}

fn play(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    let lossy = pack::pack(&pack::find("no-flush")?, config)?.bytes;
    let whole = pack::pack(&pack::find("virtio-blk-0.13.0")?, config)?.bytes;
    let lost = |outcome| matches!(outcome, Outcome::RolledBack(Reason::CapabilityLost { .. }));
    demo::loaded(client, patience.boot)?;

    let outcome = update(client, &lossy, Policy::Refuse, patience)?;
    ensure!(lost(outcome), "refuse: {outcome:?}");
    let [_, errors, _] = work(client, patience)?;
    ensure!(errors == 0, "refused, and {errors} requests failed");

    let outcome = update(client, &lossy, Policy::Degrade, patience)?;
    ensure!(outcome == Outcome::Done, "degrade: {outcome:?}");
    let counts = work(client, patience)?;
    ensure!(only_flushes_failed(counts), "degraded: {counts:?}");
    let status = Counts::read(client)?.status;
    ensure!(status == CAPABILITY_LOST, "the first error has status {status}");

    // Clients kept their promise: a driver that can flush again loses nothing, and serves everything.
    let outcome = update(client, &whole, Policy::Refuse, patience)?;
    ensure!(outcome == Outcome::Done, "whole again: {outcome:?}");
    let [_, errors, flushes] = work(client, patience)?;
    ensure!(
        errors == 0 && flushes > 0,
        "whole again: {errors} of {flushes} failed"
    );

    // By force it is the same, and what one update took from the clients the next does not take again.
    let outcome = update(client, &lossy, Policy::Force, patience)?;
    ensure!(outcome == Outcome::Done, "force: {outcome:?}");
    let counts = work(client, patience)?;
    ensure!(only_flushes_failed(counts), "forced: {counts:?}");
    let outcome = update(client, &lossy, Policy::Refuse, patience)?;
    ensure!(outcome == Outcome::Done, "the same again: {outcome:?}");

    let outcome = update(client, &whole, Policy::Refuse, patience)?;
    ensure!(outcome == Outcome::Done, "whole at the end: {outcome:?}");
    demo::still_loaded(client)
}

/// `device_class::block::Status::CapabilityLost`, as it stands in the report.
const CAPABILITY_LOST: u64 = 6;
