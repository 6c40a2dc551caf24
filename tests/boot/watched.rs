//! Drivers that owe no answer and are no good all the same: they spin or sleep when they have nothing to do, or drown in an
//! interrupt that they never acknowledge. Each is found, replaced, and the reason told.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::cause::Cause;
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::Device;
use control_protocol::request::{Commit, Policy};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;

/// A driver, and what it is given up for.
type Bad = (&'static str, Cause, fn(&Reason) -> bool);

const WITHOUT_LOAD: [Bad; 3] = [
    ("idles-then-sleeps", Cause::Heartbeat, |why| {
        matches!(why, Reason::Heartbeat)
    }),
    // It passes through its loop once more, and takes all the time it gets.
    ("idles-then-spins", Cause::Storm, |why| {
        matches!(
            why,
            Reason::Storm {
                permille: Some(500..),
                passes: 0..100
            }
        )
    }),
    ("storms", Cause::Storm, |why| {
        matches!(why, Reason::Storm { passes: 10_000.., .. })
    }),
];

/// On a disk that nobody uses.
pub fn without_load(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("disk-idle", config, kernel)?;
    for bad in &WITHOUT_LOAD {
        running
            .operate(|client, patience| send(client, bad, config, patience))
            .context(bad.0)?;
    }
    running.shut_down()
}

/// Under load the driver serves on while it drowns. One that dies before it has acknowledged an interrupt leaves no dead line: whoever comes
/// after it answers every request in time.
pub fn under_load(config: Config, kernel: Option<&Path>) -> Result<()> {
    let bad: [Bad; 2] = [
        ("storms", Cause::Storm, |why| matches!(why, Reason::Storm { .. })),
        ("dies-in-interrupt", Cause::Fault, |why| {
            matches!(why, Reason::Fault { .. })
        }),
    ];
    let mut running = Running::test_system("disk-level", config, kernel)?;
    running.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        for bad in &bad {
            send(client, bad, config, patience)?;
            demo::still_loaded(client)?;
        }
        let device = demo::settled(client, DEVICE, patience.transaction)?;
        let late = device.causes.get(Cause::RequestDeadline as usize).copied();
        ensure!(late == Some(0), "{device:?}");
        Ok(())
    })?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// Puts the driver in for as long as it is good, and waits until the one of before is back.
fn send(client: &mut Client, (driver, cause, why): &Bad, config: Config, patience: &Patience) -> Result<()> {
    // Seconds of virtual time, on whatever host.
    let patience = patience.transaction * 3;
    let package = pack::pack(&pack::find(driver)?, config)?.bytes;
    let before = demo::settled(client, DEVICE, patience)?;
    let hash = client.upload(&package, |_, _| {})?;
    let job = client.update_until(DEVICE, hash, Policy::Refuse, Commit::Manual, None)?;
    let update = demo::finished(client, job, patience)?;
    ensure!(update.state == State::Done(Outcome::Done), "{update:?}");
    let recovery = demo::wait(patience, "the driver's end", || {
        let record = client.job(job + 1).ok();
        Ok(record.filter(|record| matches!(record.state, State::Done(_))))
    })?;
    let told = recovery.cause.as_ref().is_some_and(why);
    ensure!(recovery.kind == Kind::Recovery && told, "{recovery:?}");
    let after = demo::settled(client, DEVICE, patience)?;
    let counted = |device: &Device| device.causes.get(*cause as usize).copied();
    ensure!(after.package == before.package, "{after:?}");
    ensure!(
        counted(&after) == counted(&before).map(|count| count + 1),
        "{after:?}"
    );
    Ok(())
}
