//! Clients of the host use the services of the network while the drivers of network and disk are replaced and killed below them: each
//! answer is whole, and what the file server has. Others misbehave, and harm nobody.

mod echo;
pub mod flood;
mod rude;

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use std::path::Path;
use std::thread;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::net::{File, Load, Phase, manifest};
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

/// A machine whose servers are reached through these ports of the host, and what the web server has.
struct Site {
    running: Running,
    web: u16,
    echo: u16,
    files: Vec<File>,
}

impl Site {
    fn open(config: Config, kernel: Option<&Path>) -> Result<Self> {
        let (mut running, web, echo) = Running::with_services("net-demo", config, kernel)?;
        running.operate(|client, patience| {
            demo::settled(client, NETWORK, patience.boot)?;
            demo::settled(client, DISK, patience.boot)
        })?;
        let files = demo::wait(Patience::default().boot, "the web server", || {
            Ok(manifest(web).ok())
        })?;
        Ok(Self {
            running,
            web,
            echo,
            files,
        })
    }

    /// Plays something while clients read all files and have echoes, none of whom may notice.
    fn busy(
        &mut self,
        play: impl FnOnce(&mut Client, &Patience, &Load, &mut Phase) -> Result<()>,
    ) -> Result<()> {
        let (running, web, echo) = (&mut self.running, self.web, self.echo);
        let mut phase = Phase::default();
        thread::scope(|scope| {
            let load = Load::start(scope, web, &self.files, BROWSERS);
            let stopped = load.stopped();
            let echoes = scope.spawn(move || echo::across(echo, &stopped));
            let played = running.operate(|client, patience| play(client, patience, &load, &mut phase));
            load.stop();
            load.rest(&mut phase);
            let echoed = echoes
                .join()
                .map_err(|_| anyhow::anyhow!("the client of echoes panicked"))?;
            played.and(echoed)?;
            let anew = load.reconnects();
            ensure!(anew == 0, "{anew} connections were made anew");
            Ok(())
        })?;
        ensure!(phase.holds(), "{phase:?}");
        Ok(())
    }

    fn close(mut self) -> Result<()> {
        self.running
            .operate(|client, patience| demo::stopped(client, patience.stop))?;
        self.running.shut_down()
    }
}

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut site = Site::open(config, kernel)?;
    let web = site.web;
    rude::short_connections(web)?;
    site.busy(|client, patience, load, phase| {
        play(client, config, patience, load, phase)?;
        rude::nonsense(web)?;
        go_on(patience, load, phase)
    })?;
    rude::crowd(web)?;
    let status = rude::get(web, "status.json")?;
    ensure!(status.contains("\"changes\":["), "{status}");
    for driver in ["virtio-net 0.8.0", "virtio-blk 0.8.0"] {
        ensure!(
            status.contains(&format!("\"driver\":\"{driver}\",\"mode\"")),
            "{status}"
        );
    }
    site.close()
}

fn play(
    client: &mut Client,
    config: Config,
    patience: &Patience,
    load: &Load,
    phase: &mut Phase,
) -> Result<()> {
    for (device, label) in RELEASES {
        update(client, device, label, config, patience)?;
        go_on(patience, load, phase).context(label)?;
    }
    for device in [NETWORK, DISK] {
        let job = client.kill(device)?;
        finished(client, job, patience).with_context(|| format!("kill of {device}"))?;
        go_on(patience, load, phase)?;
    }
    Ok(())
}

/// Another driver takes over.
fn update(client: &mut Client, device: &str, label: &str, config: Config, patience: &Patience) -> Result<()> {
    let package = pack::pack(&pack::find(label)?, config)?.bytes;
    let package = client.upload(&package, |_, _| {})?;
    let job = client.update(device, package, Policy::Refuse)?;
    finished(client, job, patience).with_context(|| label.to_owned())
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
