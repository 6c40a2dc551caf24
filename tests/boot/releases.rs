//! Releases of each era of `virtio-drivers` take the disk over under load, through the code of `cargo umbra test releases`: up, down,
//! and a few random pairs.

use anyhow::{Result, ensure};
use std::path::Path;
use umbra::build::Config;
use umbra::qemu::Tee;
use umbra::releases::{self, Choice, Family, Plan};

/// Releases, one of each way to move sectors or to get memory, and the last.
const ERAS: [&str; 6] = ["0.1.0", "0.2.0", "0.3.0", "0.5.0", "0.6.0", "0.13.0"];

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let report = releases::run(
        &Plan {
            family: Family::VirtioBlk,
            versions: &ERAS.map(String::from),
            first: None,
            choice: Choice { pairs: 6, seed: 1 },
            config,
            kernel,
            tee: Tee::Quiet,
        },
        &mut |_| {},
    )?;
    ensure!(report.ok(), "{}", report.table());
    Ok(())
}
