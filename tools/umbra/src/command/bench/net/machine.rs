//! The machines that are measured.

use super::super::running::{PATIENCE, Programs, Running};
use super::super::split::{Function, Roles, Split};
use super::frames;
use super::peer::Peer;
use super::{Direction, Figures, Load, Way};
use crate::build::Config;
use crate::demo::machine::{self, Attached, Backend, Bus, Wire};
use crate::system::{self, Built};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::{Duration, Instant};

/// Frames that are held back and let go together.
const BURST: u64 = 32;
/// Bursts before anything is measured.
const WARM_BURSTS: u64 = 8;
/// Pause between two looks at how far a burst is.
const PAUSE: Duration = Duration::from_millis(1);
/// More frames than are ever under way.
const ALL: u32 = 256;
/// Instructions per virtual second.
const SECOND: f64 = 1e9;

const FRAMES: Roles = Roles {
    client: "net-bench",
    shadow: "shadow-net",
    drivers: &["virtio-net"],
};
const ECHOES: Roles = Roles {
    client: "echo",
    ..FRAMES
};

/// A system that can be measured.
pub struct System {
    built: Built,
    programs: Programs,
}

impl System {
    fn build(file: &str, load: [u64; 2], kernel: Option<&Path>, config: Config) -> Result<Self> {
        let path = workspace::root().join("systems/net-bench").join(file);
        let xml = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let words = tempfile::NamedTempFile::new().context("making a file")?;
        std::fs::write(words.path(), load.map(u64::to_le_bytes).concat()).context("writing a load")?;
        let xml = xml.replace("load.bin", &words.path().display().to_string());
        let built = system::build_described(&path, &xml, kernel, config)?;
        let programs = Programs::read(&built.programs)?;
        Ok(Self { built, programs })
    }

    /// With a client that sends, or that only receives.
    pub fn of_frames(way: Way, load: Load, kernel: Option<&Path>, config: Config) -> Result<Self> {
        let file = match way {
            Way::Direct => "direct.xml",
            Way::Shadow => "session.xml",
        };
        let in_flight = match load.direction {
            Direction::Send => load.batch,
            Direction::Receive => 0,
        };
        Self::build(file, [in_flight, load.length.into()], kernel, config)
    }

    /// With an echo server.
    pub fn of_echoes(kernel: Option<&Path>, config: Config) -> Result<Self> {
        Self::build("echo.xml", [0; 2], kernel, config)
    }

    fn start(&self, wire: Wire) -> Result<Running> {
        let attached = Attached {
            net: Some(Bus::Mmio),
            wire,
            ..Attached::disk(Bus::Mmio)
        };
        let guest = machine::start_bare(&self.built.image, attached, Backend::Null, 3 * PATIENCE)?;
        Running::new(guest)
    }

    /// A machine whose client sends to nobody, on a wire of 1 Gbit/s. The device's time begins when it is told of a frame; with one
    /// under way that is when the frame begins. With several the wire is never idle: the device goes on with the next frame, one at a
    /// time, as if it had been told of it when the one before ended. (With one, that would be time that the wire did not need.)
    pub fn sending(&self, load: Load) -> Result<Running> {
        self.start(Wire::Nobody {
            delay: load.wire_ns(),
            burst: if load.batch == 1 { ALL } else { 1 },
        })
    }

    /// Measures frames; the functions that cost most.
    pub fn measure(
        &self,
        load: Load,
        frames: u64,
        functions: usize,
        figures: &mut Figures,
    ) -> Result<Vec<Function>> {
        match load.direction {
            Direction::Send => self.sent(load, frames, functions, figures),
            Direction::Receive => {
                let costly;
                (figures.split, costly) = self.received(load, frames, functions)?;
                figures.rate = SECOND / figures.split.total();
                Ok(costly)
            }
        }
    }

    fn sent(
        &self,
        load: Load,
        frames: u64,
        functions: usize,
        figures: &mut Figures,
    ) -> Result<Vec<Function>> {
        figures.rate_wire = Some(self.sending(load)?.rate()?);
        let mut running = self.start(Wire::Nobody { delay: 1, burst: ALL })?;
        figures.rate = running.rate()?;
        let before = running.requests()?;
        let log = running.log()?;
        running.command("cont")?;
        running.wait_for(before + frames)?;
        running.command("stop")?;
        running.human("log none")?;
        let after = running.requests()?;
        let costly;
        (figures.split, costly) = self.programs.split(&log, &FRAMES, after - before, functions)?;
        Ok(costly)
    }

    fn received(&self, load: Load, frames: u64, functions: usize) -> Result<(Split, Vec<Function>)> {
        let mut running = self.start(Wire::Socket)?;
        let mut peer = Peer::connect(&running.guest)?;
        running.wait_for_load()?;
        let frame = frames::plain(load.length as usize);
        let bursts = frames / load.batch;
        let log = bursts_of(
            &mut running,
            &mut peer,
            &vec![frame; load.batch as usize],
            bursts,
            |running, _| running.requests(),
        )?;
        self.programs.split(&log, &FRAMES, bursts * load.batch, functions)
    }

    /// Instructions per echo of so many bytes, a burst at a time.
    pub fn echoes(&self, payload: usize, echoes: u64, functions: usize) -> Result<(Split, Vec<Function>)> {
        let mut running = self.start(Wire::Socket)?;
        let mut peer = Peer::connect(&running.guest)?;
        let deadline = Instant::now() + PATIENCE;
        // The server has to know where its client is before it can answer.
        while peer.heard() == 0 {
            ensure!(Instant::now() < deadline, "nobody answers at 10.0.2.20");
            peer.send(&frames::who_has())?;
            std::thread::sleep(100 * PAUSE);
        }
        let asked = frames::datagram(payload);
        let bursts = echoes.div_ceil(BURST);
        let log = bursts_of(
            &mut running,
            &mut peer,
            &vec![asked; BURST as usize],
            bursts,
            |_, peer| Ok(peer.heard()),
        )?;
        self.programs.split(&log, &ECHOES, bursts * BURST, functions)
    }
}

/// Gives the machine these frames at once, again and again, each time when it has done with the last ones, which `done` counts;
/// the log of all but the first few bursts. What is in the log is the same each time: the machine stands still while frames come.
fn bursts_of(
    running: &mut Running,
    peer: &mut Peer,
    frames: &[Vec<u8>],
    bursts: u64,
    mut done: impl FnMut(&mut Running, &Peer) -> Result<u64>,
) -> Result<std::path::PathBuf> {
    running.command("stop")?;
    let mut log = None;
    for burst in 0..WARM_BURSTS + bursts {
        if burst == WARM_BURSTS {
            log = Some(running.log()?);
        }
        let before = done(running, peer)?;
        running.hold(true)?;
        for frame in frames {
            peer.send(frame)?;
        }
        running.hold(false)?;
        running.command("cont")?;
        let deadline = Instant::now() + PATIENCE;
        while done(running, peer)? < before + frames.len() as u64 {
            ensure!(
                Instant::now() < deadline,
                "a burst of {} has no end",
                frames.len()
            );
            std::thread::sleep(PAUSE);
        }
        running.command("stop")?;
    }
    running.human("log none")?;
    log.context("no bursts")
}
