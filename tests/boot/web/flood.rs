//! A driver that invents frames without end takes its share of the processor and no more: files are served on, echoes come back, the
//! operator is heard, and the update away from it is one like any other.

use super::{NETWORK, Site, go_on, update};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;

/// Files that are read in the flood.
const READS: u32 = 200;
/// Frames that come meanwhile for each of them, at least. Its own are a dozen.
const FLOOD: u64 = 100;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut site = Site::open(config, kernel)?;
    site.busy(|client, patience, load, phase| {
        go_on(patience, load, phase).context("before")?;
        update(client, NETWORK, "floods", config, patience)?;
        let before = frames(client)?;
        load.wait_for(phase, READS as usize, patience.transaction)
            .context("in the flood")?;
        let flood = frames(client)? - before;
        ensure!(flood > FLOOD * u64::from(READS), "no flood: {flood} frames");
        update(client, NETWORK, "virtio-net-0.13.0", config, patience)?;
        go_on(patience, load, phase).context("after it")
    })?;
    site.close()
}

/// What the network's shadow has answered.
fn frames(client: &mut Client) -> Result<u64> {
    let devices = client.status()?.devices;
    let place = devices.iter().position(|device| device.name == NETWORK);
    let vitals = client.vitals()?.devices;
    let network = place.and_then(|place| vitals.get(place)?.traffic);
    Ok(network.context("no figures")?.requests)
}
