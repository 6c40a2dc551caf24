//! Clients of the host use the services of the network while the drivers of network and disk are replaced and killed below them: each
//! answer is whole, and what the file server has. Others misbehave, and harm nobody.

mod echo;
mod rude;

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use std::path::Path;
use std::thread;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::net::{Load, Phase, manifest};
use umbra::demo::{self, Patience};
use umbra::pack;

const NETWORK: &str = "net0";
const DISK: &str = "disk0";
/// The first of each device is what the system starts with.
const RELEASES: [(&str, &str); 4] = [
    (NETWORK, "virtio-net-0.13.0"),
    (DISK, "virtio-blk-0.13.0"),
    (NETWORK, "virtio-net-0.8.0"),
    (DISK, "virtio-blk-0.8.0"),
];
const BROWSERS: usize = 4;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let (mut running, web, echo) = Running::with_services("net-demo", config, kernel)?;
    running.operate(|client, patience| {
        demo::settled(client, NETWORK, patience.boot)?;
        demo::settled(client, DISK, patience.boot)
    })?;
    let files = demo::wait(Patience::default().boot, "the web server", || {
        Ok(manifest(web).ok())
    })?;
    rude::short_connections(web)?;
    let mut phase = Phase::default();
    thread::scope(|scope| {
        let load = Load::start(scope, web, &files, BROWSERS);
        let stopped = load.stopped();
        let echoes = scope.spawn(move || echo::across(echo, &stopped));
        let mut played =
            running.operate(|client, patience| play(client, config, patience, &load, &mut phase));
        if played.is_ok() {
            played = rude::nonsense(web).and_then(|()| go_on(&Patience::default(), &load, &mut phase));
        }
        load.stop();
        load.rest(&mut phase);
        ensure!(
            load.reconnects() == 0,
            "{} connections were made anew",
            load.reconnects()
        );
        let echoed = echoes
            .join()
            .map_err(|_| anyhow::anyhow!("the client of echoes panicked"))?;
        played.and(echoed)
    })?;
    ensure!(phase.holds(), "{phase:?}");
    rude::crowd(web)?;
    let status = rude::get(web, "status.json")?;
    ensure!(status.contains("\"changes\":["), "{status}");
    for driver in ["virtio-net 0.8.0", "virtio-blk 0.8.0"] {
        ensure!(
            status.contains(&format!("\"driver\":\"{driver}\",\"mode\"")),
            "{status}"
        );
    }
    running.operate(|client, patience| demo::stopped(client, patience.stop))?;
    running.shut_down()
}

fn play(
    client: &mut Client,
    config: Config,
    patience: &Patience,
    load: &Load,
    phase: &mut Phase,
) -> Result<()> {
    for (device, label) in RELEASES {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        let package = client.upload(&package, |_, _| {})?;
        let job = client.update(device, package, Policy::Refuse)?;
        finished(client, job, patience).context(label)?;
        go_on(patience, load, phase).context(label)?;
    }
    for device in [NETWORK, DISK] {
        let job = client.kill(device)?;
        finished(client, job, patience).with_context(|| format!("kill of {device}"))?;
        go_on(patience, load, phase)?;
    }
    Ok(())
}

fn finished(client: &mut Client, job: u32, patience: &Patience) -> Result<()> {
    let record = demo::finished(client, job, patience.transaction)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    Ok(())
}

/// Waits until some files more were read.
fn go_on(patience: &Patience, load: &Load, phase: &mut Phase) -> Result<()> {
    load.wait_for(phase, 2 * BROWSERS, patience.transaction)
}
