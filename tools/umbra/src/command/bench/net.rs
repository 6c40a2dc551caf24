//! `cargo umbra bench net`: what a frame costs, with and without the shadow, and an echo.

mod frames;
mod machine;
mod peer;
mod swaps;
mod table;

use super::split::{self, Split};
use crate::build::Config;
use crate::cli::Exit;
use crate::progress::Step;
use crate::setup;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Send, receive and echo frames
#[derive(clap::Args)]
pub struct Arguments {
    /// Frames whose instructions are counted, per measurement
    #[arg(long, value_name = "N", default_value_t = 1024)]
    frames: u64,
    /// Updates of the driver under load
    #[arg(long, value_name = "N", default_value_t = 30)]
    updates: usize,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Show so many of the functions that cost most, of each measurement
    #[arg(long, value_name = "N", default_value_t = 0)]
    functions: usize,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Kernel to start it on, instead of ours; of the release configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
}

/// Bytes of a frame, without check sequence.
const LENGTHS: [u32; 2] = [64, 1514];
/// Payload bytes of an echo: those of sDDF's published figures, the shortest and the longest frame there is.
const PAYLOADS: [usize; 2] = [18, 1472];
/// Nanoseconds per byte at 1 Gbit/s.
const NS_PER_BYTE: u32 = 8;
/// Bytes on the wire beside a frame: preamble, check sequence, gap (IEEE 802.3).
const BESIDE: u32 = 24;
/// Frames in flight.
const BATCHES: [u64; 2] = [1, 32];

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Frames sent and received
    Frames,
    /// UDP echoes
    Echoes,
    /// Updates, and a driver killed every virtual second
    Updates,
}

/// The ways of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The client has the driver's own link.
    Direct,
    /// Through the shadow.
    Shadow,
}

/// Where frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to nobody.
    Send,
    /// From the host to the client.
    Receive,
}

/// Frames that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Where they go.
    pub direction: Direction,
    /// Bytes of each.
    pub length: u32,
    /// So many at a time.
    pub batch: u64,
}

impl Load {
    /// How long a wire of 1 Gbit/s needs for a frame.
    fn wire_ns(&self) -> u32 {
        (self.length + BESIDE) * NS_PER_BYTE
    }
}

/// What was measured of one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Frames per virtual second: by the guest's clock when it sends, by its instructions when it receives.
    pub rate: f64,
    /// The same on a wire of 1 Gbit/s; only of frames that are sent.
    pub rate_wire: Option<f64>,
    /// Instructions per frame.
    pub split: Split,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let (mut rows, mut echoes, mut listed) = (Vec::new(), Vec::new(), String::new());
    let kernel = arguments.kernel.as_deref();
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    let swaps = wanted(Part::Updates).then(|| swaps(arguments)).transpose()?;
    let directions = [Direction::Send, Direction::Receive];
    let directions = directions.into_iter().filter(|_| wanted(Part::Frames));
    for direction in directions {
        for (length, batch) in LENGTHS.into_iter().flat_map(|l| BATCHES.map(|b| (l, b))) {
            let load = Load {
                direction,
                length,
                batch,
            };
            let mut measured = [Figures::default(); 2];
            for (figures, way) in measured.iter_mut().zip([Way::Direct, Way::Shadow]) {
                let what = format!("{way:?}, {}", table::title(&load));
                let _step = Step::start(format!("measuring {what}"));
                let system = machine::System::of_frames(way, load, kernel, Config::Release)?;
                let functions = system.measure(load, arguments.frames, arguments.functions, figures)?;
                listed += &split::functions(&what, &functions);
            }
            rows.push((load, measured));
        }
    }
    for payload in PAYLOADS.into_iter().filter(|_| wanted(Part::Echoes)) {
        let system = machine::System::of_echoes(kernel, Config::Release)?;
        let _step = Step::start(format!("measuring echoes of {payload} bytes"));
        let (split, functions) = system.echoes(payload, arguments.frames, arguments.functions)?;
        listed += &split::functions(&format!("echoes of {payload} bytes"), &functions);
        echoes.push((payload, split));
    }
    let updates = swaps.as_ref().map(swaps::Swaps::text).unwrap_or_default();
    print!("{}{updates}{listed}", table::text(&rows, &echoes));
    if let Some(path) = &arguments.json {
        let mut all = table::json(&rows, &echoes);
        if let Some(swaps) = &swaps {
            all["swaps"] = swaps.json();
        }
        std::fs::write(path, format!("{all:#}\n")).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Exit::Success)
}

fn swaps(arguments: &Arguments) -> Result<swaps::Swaps> {
    let load = Load {
        direction: Direction::Send,
        length: LENGTHS[1],
        batch: BATCHES[1],
    };
    let kernel = arguments.kernel.as_deref();
    let system = machine::System::of_frames(Way::Shadow, load, kernel, Config::Release)?;
    let _step = Step::start("updates, and drivers that are killed".to_owned());
    swaps::of(&mut system.sending(load)?, arguments.updates, Config::Release)
}
