//! `cargo umbra bench block`: what a request costs, with and without the shadow.

mod disk;
mod machine;
mod table;

pub use disk::{Disk, Load};

use super::split::{self, Split};
use crate::build::Config;
use crate::cli::Exit;
use crate::demo::machine::Backend;
use crate::progress::Step;
use crate::setup;
use anyhow::{Context, Result};
use std::io::Write as _;
use std::path::PathBuf;

/// Read and write blocks with and without the shadow
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the disk is; several, with commas between, are measured and shown one after the other
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Disk::Mmio])]
    disk: Vec<Disk>,
    /// Driver to start with, instead of the one of the disk's system (`nvme-0.5.2`)
    #[arg(long, value_name = "PACKAGE")]
    driver: Option<String>,
    /// Count instructions only: no requests per second
    #[arg(long)]
    instructions: bool,
    /// Requests whose instructions are counted, per measurement
    #[arg(long, value_name = "N", default_value_t = 2000)]
    requests: u64,
    /// Show so many of the functions that cost most, of each measurement
    #[arg(long, value_name = "N", default_value_t = 0)]
    functions: usize,
    /// Count while the shadow records the flow of requests in its trace (`ctl record on`)
    #[arg(long)]
    record: bool,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Kernel to start it on, instead of ours; of the release configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
}

/// Requests in flight.
const DEPTHS: [u64; 2] = [1, 32];

/// The ways of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The client has the driver's own link.
    Direct,
    /// Through the shadow.
    Shadow,
}

/// What was measured of one way, with so many in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests per virtual second, nothing behind the disk; `None`: not measured.
    pub rate: Option<f64>,
    /// The same, a file behind the disk.
    pub rate_file: Option<f64>,
    /// Instructions per request.
    pub split: Split,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let mut rows = Vec::new();
    for &disk in &arguments.disk {
        let (measured, listed) = measure(arguments, disk)?;
        // At once: several disks take minutes each.
        print!("{}{listed}", table::text(&measured));
        std::io::stdout().flush()?;
        rows.extend(measured);
        if let Some(path) = &arguments.json {
            std::fs::write(path, format!("{:#}\n", table::json(&rows)))
                .with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(Exit::Success)
}

/// Measures a disk; its rows, and the functions that cost most.
fn measure(arguments: &Arguments, disk: Disk) -> Result<(Vec<table::Row>, String)> {
    let (mut rows, mut listed) = (Vec::new(), String::new());
    for depth in DEPTHS {
        let mut measured = [Figures::default(); 2];
        for (figures, way) in measured.iter_mut().zip([Way::Direct, Way::Shadow]) {
            let kernel = arguments.kernel.as_deref();
            let load = Load {
                way,
                disk,
                depth,
                driver: arguments.driver.as_deref(),
            };
            let system = machine::System::build(&load, kernel, Config::Release)?;
            let _step = Step::start(format!("measuring {}, {way:?}, {depth} in flight", disk.words()));
            let record = arguments.record && way == Way::Shadow;
            let (counted, functions) = system.count(arguments.requests, arguments.functions, record)?;
            let what = format!("{}, {way:?}, {depth} in flight", disk.words());
            listed += &split::functions(&what, &functions);
            let rate = |backend| {
                (!arguments.instructions)
                    .then(|| system.rate(backend))
                    .transpose()
            };
            *figures = Figures {
                rate: rate(Backend::Null)?,
                rate_file: rate(Backend::File)?,
                split: counted,
            };
        }
        rows.push(table::Row {
            disk,
            depth,
            measured,
        });
    }
    Ok((rows, listed))
}
