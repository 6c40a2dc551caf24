//! The demo's clients on an NVMe disk: the same shadow, other drivers.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, State};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Operator, Patience};

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::product_system("disk-nvme", config, kernel)?;
    running.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        killed(client, patience).context("killing the driver")
    })?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// A driver that dies is replaced by itself.
fn killed(client: &mut Client, patience: &Patience) -> Result<()> {
    let job = Operator::kill(client, DEVICE)?;
    let record = demo::finished(client, job, patience.transaction)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    demo::still_loaded(client)
}
