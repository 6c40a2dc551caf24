//! A release of each era of `virtio-drivers` takes the disk over under load, the oldest first. What must come of each update is
//! said before, from the records that the releases report of a disk of the host's.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::request::Policy;
use device_class::block::BlockCapabilities;
use std::path::Path;
use std::process::Command;
use umbra::build::Config;
use umbra::demo::{self, DEVICE};
use umbra::{pack, workspace};

/// Releases by crate, one of each way to move sectors or to get memory, and the last.
const RELEASES: [&str; 6] = [
    "virtio-blk-0-1",
    "virtio-blk-0-2",
    "virtio-blk-0-3",
    "virtio-blk-0-5",
    "virtio-blk-0-6",
    "virtio-blk-0-13",
];

/// What QEMU's disk offers (features 0 to 31), its sectors, `blk_size` and `size_max`. Every record is of this same disk, so only
/// what releases make of it differs.
const DISK: [&str; 4] = ["805334612", "131072", "512", "0"];

/// The record that a release reports, from its program for the host.
fn record(release: &str) -> Result<BlockCapabilities> {
    let output = Command::new("cargo")
        .current_dir(workspace::root())
        .args(["run", "--quiet", "--package", release])
        .args(["--features", "host", "--example", "record", "--"])
        .args(DISK)
        .output()
        .context("starting cargo")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["record", capacity, block_size, flags, max_transfer, queue_depth] = words[..] else {
        anyhow::bail!(
            "{release} reports no record: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    Ok(BlockCapabilities {
        capacity: capacity.parse()?,
        block_size: block_size.parse()?,
        flags: flags.parse()?,
        max_transfer: max_transfer.parse()?,
        queue_depth: queue_depth.parse()?,
    })
}

/// What must come of an update that loses `lost`.
fn predicted(lost: u32) -> Outcome {
    match lost {
        0 => Outcome::Done,
        fields => Outcome::RolledBack(Reason::CapabilityLost {
            fields: fields.into(),
        }),
    }
}

/// Up through the releases, then down.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let records: Vec<_> = RELEASES.into_iter().map(record).collect::<Result<_>>()?;
    let packages: Result<Vec<_>> = RELEASES
        .iter()
        .map(|release| Ok(pack::pack(&pack::find(release)?, config)?.bytes))
        .collect();
    let packages = packages?;
    // The system starts with 0.8.0.
    let mut running = record("virtio-blk-0-8")?;
    let mut machine = Running::demo(config, kernel)?;
    let order = (0..RELEASES.len()).chain((0..RELEASES.len() - 1).rev());
    machine.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        for release in order {
            let hash = client.upload(&packages[release], |_, _| {})?;
            // As the operator who refuses losses, then as the one who insists.
            for policy in [Policy::Refuse, Policy::Force] {
                demo::settled(client, DEVICE, patience.transaction)?;
                let lost = running.lost(&records[release]);
                let must = if policy == Policy::Force {
                    Outcome::Done
                } else {
                    predicted(lost)
                };
                let job = client.update(DEVICE, hash, policy)?;
                let ended = demo::finished(client, job, patience.transaction)?.state;
                ensure!(
                    ended == State::Done(must),
                    "{} ({policy:?}): {ended:?}, not {must:?}",
                    RELEASES[release]
                );
                demo::still_loaded(client)?;
                if must == Outcome::Done {
                    break;
                }
            }
            running = records[release];
        }
        Ok(())
    })?;
    let verdict = machine.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}
