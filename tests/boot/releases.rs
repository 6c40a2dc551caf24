//! Releases of each era of `virtio-drivers` take a disk over under load, and the oldest and newest ones a network, through the code of
//! `cargo umbra test releases`: up, down, and a few random pairs.

use anyhow::{Result, ensure};
use std::path::Path;
use umbra::build::Config;
use umbra::qemu::Tee;
use umbra::releases::{self, Choice, Family, Plan};

/// Releases, one of each way to move sectors or to get memory, and the last.
const ERAS: [&str; 6] = ["0.1.0", "0.2.0", "0.3.0", "0.5.0", "0.6.0", "0.13.0"];

/// Network drivers: the oldest release, the one before the crate's PCI transport changed, the last.
const OF_NETWORKS: [&str; 3] = ["0.7.5", "0.9.0", "0.13.0"];

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    tried(Family::VirtioBlk, &ERAS, 6, config, kernel)?;
    tried(Family::VirtioNet, &OF_NETWORKS, 3, config, kernel)
}

fn tried(
    family: Family,
    versions: &[&str],
    pairs: usize,
    config: Config,
    kernel: Option<&Path>,
) -> Result<()> {
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    let report = releases::run(
        &Plan {
            family,
            versions: &versions,
            first: None,
            choice: Choice { pairs, seed: 1 },
            config,
            kernel,
            tee: Tee::Quiet,
        },
        &mut |_| {},
    )?;
    ensure!(report.ok(), "{}", report.table());
    Ok(())
}
