//! `cargo umbra bench net`: what a frame costs, with and without the shadow, and an echo.

mod frames;
mod machine;
mod peer;
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
/// Frames in flight.
const BATCHES: [u64; 2] = [1, 32];

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

/// What was measured of one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Frames per virtual second: by the guest's clock when it sends, by its instructions when it receives.
    pub rate: f64,
    /// The same on a wire of 1 Gbit/s; only one at a time.
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
    for direction in [Direction::Send, Direction::Receive] {
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
    let system = machine::System::of_echoes(kernel, Config::Release)?;
    for payload in PAYLOADS {
        let _step = Step::start(format!("measuring echoes of {payload} bytes"));
        let (split, functions) = system.echoes(payload, arguments.frames, arguments.functions)?;
        listed += &split::functions(&format!("echoes of {payload} bytes"), &functions);
        echoes.push((payload, split));
    }
    print!("{}{listed}", table::text(&rows, &echoes));
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", table::json(&rows, &echoes)))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Exit::Success)
}
