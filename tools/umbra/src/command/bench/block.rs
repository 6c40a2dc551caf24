//! `cargo umbra bench block`: what a request costs, with and without the shadow.

mod machine;
mod table;

use super::split::{self, Split};
use crate::build::Config;
use crate::cli::Exit;
use crate::demo::machine::Backend;
use crate::progress::Step;
use crate::setup;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Read and write blocks with and without the shadow
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the disk is
    #[arg(long, value_enum, default_value_t = Disk::Mmio)]
    disk: Disk,
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

/// Disks that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Disk {
    /// virtio-blk on virtio-mmio
    Mmio,
    /// virtio-blk on PCI, as the demo has it
    Pci,
    /// An NVMe controller
    Nvme,
}

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
    /// Requests per virtual second, nothing behind the disk.
    pub rate: f64,
    /// Requests per virtual second, a file behind the disk.
    pub rate_file: f64,
    /// Instructions per request.
    pub split: Split,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let (mut rows, mut listed) = (Vec::new(), String::new());
    for depth in DEPTHS {
        let mut measured = [Figures::default(); 2];
        for (figures, way) in measured.iter_mut().zip([Way::Direct, Way::Shadow]) {
            let (disk, kernel) = (arguments.disk, arguments.kernel.as_deref());
            let system = machine::System::build((way, disk), depth, kernel, Config::Release)?;
            let _step = Step::start(format!("measuring {way:?}, {depth} in flight"));
            let record = arguments.record && way == Way::Shadow;
            let (counted, functions) = system.count(arguments.requests, arguments.functions, record)?;
            listed += &split::functions(&format!("{way:?}, {depth} in flight"), &functions);
            *figures = Figures {
                rate: system.rate(Backend::Null)?,
                rate_file: system.rate(Backend::File)?,
                split: counted,
            };
        }
        rows.push((depth, measured));
    }
    print!("{}{listed}", table::text(&rows));
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", table::json(&rows)))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Exit::Success)
}
