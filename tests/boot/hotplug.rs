//! A disk behind a root port that is taken out, or torn out, and put in again while clients use it: they are told, and served again.
//! One that would go past the SMMU gets no driver.

use crate::policies::Counts;
use crate::running::Running;
use anyhow::{Result, ensure};
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::Condition;
use control_protocol::request::Policy;
use device_class::block::Status;
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;

/// What makes the demo's disk one that can be taken out. Its clients ask again at once when they are told that it is gone, above the
/// stager: without budgets no driver would be built while they do.
const CHANGES: [(&str, &str); 4] = [
    (
        r#"name="disk-check" priority="100""#,
        r#"name="disk-check" priority="100" budget="50" period="1000""#,
    ),
    (
        r#"name="file-check" priority="99""#,
        r#"name="file-check" priority="99" budget="50" period="1000""#,
    ),
    (r#"address="0:2.0""#, r#"address="1:0.0" port="0:5.0""#),
    (
        r#"<program_image path="bus"/>"#,
        r#"<program_image path="bus"/><irq irq="36" id="0" trigger="level"/>"#,
    ),
];
/// Requests that must be served for a disk to be in use.
const MANY: u64 = 2000;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::altered("hotplug", &CHANGES, config, kernel)?;
    running.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        served(client, patience)
    })?;
    for torn in [false, true, false] {
        let before = running.operate(|client, _| Counts::read(client))?;
        if torn {
            running.tear()?;
        } else {
            running.unplug()?;
        }
        running.operate(|client, patience| taken_out(client, torn, &before, patience))?;
        if torn {
            put_in(&mut running, false)?;
            running.operate(|client, patience| becomes(client, Reason::Unguarded, patience))?;
            running.unplug()?;
            running.operate(|client, patience| becomes(client, Reason::Removed, patience))?;
        }
        put_in(&mut running, true)?;
        running.operate(|client, patience| {
            demo::wait(patience.transaction, "the disk to be served", || {
                Ok((client.status()?.devices[0].condition == Condition::Working).then_some(()))
            })?;
            last_is(client, Kind::Addition, Outcome::Done)?;
            served(client, patience)
        })?;
    }
    running.operate(|client, patience| {
        let package = pack::pack(&pack::find("virtio-blk-0.13.0")?, config)?.bytes;
        let hash = client.upload(&package, |_, _| {})?;
        let job = client.update(DEVICE, hash, Policy::Refuse)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
        served(client, patience)
    })?;
    running.shut_down()
}

/// Puts the disk in. QEMU has it until its power was taken.
fn put_in(running: &mut Running, guarded: bool) -> Result<()> {
    let patience = Patience::default();
    demo::wait(patience.transaction, "the disk to be out", || {
        Ok(running.plug(guarded).ok())
    })
}

/// The disk gets no driver, for this reason.
fn becomes(client: &mut Client, reason: Reason, patience: &Patience) -> Result<()> {
    demo::wait(patience.transaction, "the disk to be offline", || {
        Ok((client.status()?.devices[0].condition == Condition::Offline(reason)).then_some(()))
    })
}

/// `status` and the record say so, and clients were told so and nothing else. A driver whose device is `torn` out may fault over it before
/// the bus has told.
fn taken_out(client: &mut Client, torn: bool, before: &Counts, patience: &Patience) -> Result<()> {
    demo::wait(patience.transaction, "the disk to leave", || {
        let gone = Condition::Offline(Reason::Removed);
        Ok((client.status()?.devices[0].condition == gone).then_some(()))
    })?;
    let gone = Outcome::Offline(Reason::Removed);
    match last_is(client, Kind::Removal, gone) {
        Err(_) if torn => last_is(client, Kind::Recovery, gone)?,
        other => other?,
    }
    let told = demo::wait(patience.transaction, "a client that is told", || {
        let counts = Counts::read(client)?;
        Ok((counts.errors > before.errors).then_some(counts))
    })?;
    ensure!(told.status == Status::Offline as u64, "{told:?}");
    Ok(())
}

fn last_is(client: &mut Client, kind: Kind, outcome: Outcome) -> Result<()> {
    let last = client.history(DEVICE)?.pop();
    let right = last
        .as_ref()
        .is_some_and(|last| (last.kind, last.state) == (kind, State::Done(outcome)));
    ensure!(right, "{last:?}");
    Ok(())
}

/// The block client's requests are answered, and none with an error.
fn served(client: &mut Client, patience: &Patience) -> Result<()> {
    demo::wait(patience.transaction, "requests that are served", || {
        let before = Counts::read(client)?;
        let after = demo::wait(patience.transaction, "the load", || {
            let now = Counts::read(client)?;
            Ok((now.requests >= before.requests + MANY).then_some(now))
        })?;
        Ok((after.errors == before.errors).then_some(()))
    })
}
