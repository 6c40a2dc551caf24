//! `cargo umbra bench update`: how long clients wait for an update, and for what.

mod figures;
mod run;

use super::block::{Disk, Load, Way};
use crate::build::Config;
use crate::cli::Exit;
use crate::ctl;
use crate::demo;
use crate::progress::Step;
use crate::setup;
use crate::system;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Update the disk driver again and again under load
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the disk is that has nothing behind it. Of NVMe no driver that hangs is tried
    #[arg(long, value_enum, default_value_t = Disk::Mmio)]
    disk: Disk,
    /// Updates with nothing behind the disk, where figures repeat
    #[arg(long, value_name = "N", default_value_t = 60)]
    updates: usize,
    /// Updates on a file of the host, before a driver is killed every virtual second
    #[arg(long, value_name = "N", default_value_t = 20)]
    file_updates: usize,
    /// How long the old driver may finish what it has, with nothing behind the disk, as `ctl update --drain` takes it
    #[arg(long, value_name = "TIME", value_parser = ctl::table::micros)]
    drain: Option<u32>,
    /// Slow QEMU down for the updates with nothing behind the disk: what the host takes for a request is then little of the guest's time,
    /// as with a disk that answers within microseconds
    #[arg(long)]
    prompt_disk: bool,
    /// Only with nothing behind the disk
    #[arg(long)]
    no_file: bool,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Release)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let kernel = arguments.kernel.as_deref();
    let packages = demo::packages(arguments.config)?;
    let load = Load {
        way: Way::Shadow,
        disk: arguments.disk,
        depth: 32,
        driver: None,
    };
    let (path, xml) = load.description()?;
    let bare = run::Bare {
        image: system::build_described(&path, &xml, kernel, arguments.config)?.image,
        attached: arguments.disk.attached(),
        packages: match arguments.disk {
            Disk::Mmio | Disk::Pci | Disk::PciSmmu => packages.clone(),
            Disk::Nvme | Disk::NvmeSmmu => demo::nvme(arguments.config)?,
        },
        hanging: match arguments.disk {
            Disk::Mmio | Disk::Pci | Disk::PciSmmu => Some(run::HANGING),
            Disk::Nvme | Disk::NvmeSmmu => None,
        },
        updates: arguments.updates,
        drain_us: arguments.drain,
        slow: arguments.prompt_disk,
    };
    let mut step = None;
    let mut say = |text: String| step = Some(Step::start(text));
    let swaps = run::swaps(&bare, arguments.config, &mut say)?;
    let file = if arguments.no_file {
        None
    } else {
        let image = system::boot_image(&system::default_description(), kernel, arguments.config)?;
        Some(run::on_file(&image, &packages, arguments.file_updates, &mut say)?)
    };
    drop(step);
    print!("{}", figures::text(&swaps, file.as_ref()));
    if let Some(path) = &arguments.json {
        let all = figures::json(&swaps, file.as_ref());
        std::fs::write(path, format!("{all:#}\n")).with_context(|| format!("writing {}", path.display()))?;
    }
    match file.map(|file| file.verdict).filter(|verdict| !verdict.holds()) {
        Some(verdict) => {
            eprintln!("umbra: the disk is not as it must be: {verdict:?}");
            Ok(Exit::Failed)
        }
        None => Ok(Exit::Success),
    }
}
