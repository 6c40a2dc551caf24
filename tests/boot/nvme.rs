//! The demo's clients on an NVMe disk: the same shadow, other drivers. Releases of `nvme-driver` replace each other under load, one that
//! hangs in probe is undone, and one that dies is replaced by itself.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, Reason, Record, State};
use std::path::Path;
use std::time::Duration;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Operator, Patience};
use umbra::pack;

/// The release of `systems/disk-nvme`, and its predecessor.
const RELEASES: [&str; 2] = ["nvme-0.8.2", "nvme-0.5.2"];
/// The one that hangs.
const HANGS: &str = "nvme-0.3.1";
const UPDATES: usize = 6;
/// How long the one that hangs may take, on the host's clock: a second of the guest's in which it does nothing but read a register,
/// which takes a simulator long.
const HANGING: Duration = Duration::from_secs(240);

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::product_system("disk-nvme", config, kernel)?;
    running.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        for update in 1..=UPDATES {
            replaced(client, RELEASES[update % 2], config, patience)?;
        }
        let patient = Patience {
            transaction: HANGING,
            ..*patience
        };
        let hung = sent(client, HANGS, config, &patient)?;
        let undone = State::Done(Outcome::RolledBack(Reason::ProbeDeadline));
        ensure!(hung.state == undone, "{hung:?}");
        demo::still_loaded(client)?;
        replaced(client, RELEASES[1], config, patience)?;
        killed(client, patience).context("killing the driver")
    })?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// Sends an update; how it ended.
fn sent(client: &mut Client, label: &str, config: Config, patience: &Patience) -> Result<Record> {
    let package = pack::pack(&pack::find(label)?, config)?.bytes;
    let hash = Operator::upload(client, &package)?;
    let job = Operator::update(client, DEVICE, hash)?;
    demo::finished(client, job, patience.transaction).with_context(|| label.to_owned())
}

fn replaced(client: &mut Client, label: &str, config: Config, patience: &Patience) -> Result<()> {
    let record = sent(client, label, config, patience)?;
    ensure!(record.state == State::Done(Outcome::Done), "{label}: {record:?}");
    demo::still_loaded(client).with_context(|| label.to_owned())
}

/// A driver that dies is replaced by itself.
fn killed(client: &mut Client, patience: &Patience) -> Result<()> {
    let job = Operator::kill(client, DEVICE)?;
    let record = demo::finished(client, job, patience.transaction)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    demo::still_loaded(client)
}
