//! The demo of networks: clients of this host read files from the machine's web server while the driver of its network is replaced.

mod act;
mod client;
mod figures;

pub use client::{File, Load, curl_is_there, manifest};
pub use figures::{Figures, Phase};

use super::machine::{self, Attached, Setup};
use super::operator::{settled, stopped, wait};
use super::steps::Patience;
use super::{Clock, connect, undecided};
use crate::build::Config;
use crate::disk::Layout;
use crate::pack;
use crate::qemu::{Guest, Tee};
use act::Acts;
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

/// The device whose driver is replaced.
pub const DEVICE: &str = "net0";
/// The releases, in order; the first is the one that the system starts with.
const RELEASES: [&str; 3] = ["virtio-net-0.12.0", "virtio-net-0.13.0", "virtio-net-0.8.0"];
/// Driver of the test suite that serves for a while and then hangs.
const HANGING: &str = "net-hangs";

/// The packages that are sent.
#[derive(Clone, Debug)]
pub struct Packages {
    /// Releases, in order; the first one is started at boot.
    pub releases: Vec<Vec<u8>>,
    /// A driver that hangs.
    pub hanging: Vec<u8>,
}

/// Builds them.
pub fn packages(config: Config) -> Result<Packages> {
    let pack = |called: &str| Ok::<_, anyhow::Error>(pack::pack(&pack::find(called)?, config)?.bytes);
    Ok(Packages {
        releases: RELEASES.iter().map(|label| pack(label)).collect::<Result<_>>()?,
        hanging: pack(HANGING)?,
    })
}

/// A demo to run.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Boot image of the system.
    pub image: &'a [u8],
    /// Where the system has its devices.
    pub attached: Attached,
    /// Packages to send.
    pub packages: &'a Packages,
    /// Connections that are kept and loaded.
    pub connections: usize,
    /// How long they are watched before anything is done.
    pub undisturbed: Duration,
    /// Updates.
    pub updates: usize,
    /// Kills.
    pub kills: usize,
    /// Seed of the disk's content.
    pub seed: u64,
    /// Where the console goes.
    pub tee: Tee,
}

/// A port of this host that was free a moment ago; whoever takes it meanwhile makes QEMU fail.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Runs the demo.
///
/// # Errors
/// It could not be run. That something did not hold is no error but in the figures.
pub fn demonstrate(plan: &Plan<'_>, say: &mut dyn FnMut(String)) -> Result<Figures> {
    let port = free_port()?;
    let mut guest = machine::start(&Setup {
        image: plan.image,
        layout: Layout {
            seed: plan.seed,
            ..Layout::default()
        },
        attached: Attached {
            web: Some(port),
            ..plan.attached
        },
        // Clients outside the machine live by the host's clock, and so does it.
        clock: Clock::Real,
        limit: Duration::from_secs(180 + 10 * (plan.updates + plan.kills) as u64) + plan.undisturbed,
        tee: plan.tee,
        detached: false,
    })?;
    let mut figures = Figures::default();
    match perform(&guest, port, plan, &mut figures, say) {
        Ok(()) => guest.shut_down().context("ending the machine")?,
        Err(error) => figures.findings = undecided(&error, &guest).findings,
    }
    Ok(figures)
}

fn perform(
    guest: &Guest,
    port: u16,
    plan: &Plan<'_>,
    figures: &mut Figures,
    say: &mut dyn FnMut(String),
) -> Result<()> {
    let mut operator = connect(&machine::command(guest))?;
    let patience = Patience::default();
    say("waiting for the web server".into());
    settled(&mut operator, DEVICE, patience.boot)?;
    let files = wait(patience.boot, "the web server", || Ok(manifest(port).ok()))?;
    std::thread::scope(|scope| {
        let load = Load::start(scope, port, &files, plan.connections);
        say(format!(
            "{} connections, undisturbed for {} s",
            plan.connections,
            plan.undisturbed.as_secs()
        ));
        load.watch(&mut figures.undisturbed, plan.undisturbed);
        let mut acts = Acts {
            operator: &mut operator,
            load: &load,
            patience: patience.transaction,
            figures,
        };
        let begun = Instant::now();
        let acted = acts.all(plan, say);
        load.stop();
        load.rest(&mut figures.disturbed);
        figures.disturbed.seconds = begun.elapsed().as_secs_f64();
        figures.reconnects = load.reconnects();
        acted
    })?;
    say("stopping the services in order".into());
    stopped(&mut operator, patience.stop)
}
