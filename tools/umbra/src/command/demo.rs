//! `cargo umbra demo`: the whole thing.

mod net;

use crate::build::Config;
use crate::cli::Exit;
use crate::demo::{self, Clock, Plan};
use crate::progress::Step;
use crate::qemu::Tee;
use crate::setup;
use crate::system;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Replace the drivers of two disks, virtio-blk and NVMe, while clients use them, and check the disks afterwards
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    class: Option<Class>,
    /// Updates of each disk, forward and back through the releases, before the bad inputs
    #[arg(long, value_name = "N", default_value_t = 12)]
    updates: usize,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the first update as a timeline
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Measure in the host's time instead of virtual time (instructions)
    #[arg(long)]
    real_time: bool,
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Release)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Show the guest's console
    #[arg(long)]
    console: bool,
    /// Keep the first disk's image in this file, the second's in FILE.1
    #[arg(long, value_name = "FILE")]
    keep_disk: Option<PathBuf>,
}

/// Of another class of devices than disks.
#[derive(clap::Subcommand)]
enum Class {
    Net(net::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    if let Some(Class::Net(arguments)) = &arguments.class {
        return net::run(arguments);
    }
    setup::qemu()?;
    setup::rust_target()?;
    let description = system::two_disks();
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let courses = demo::courses(arguments.config)?;
    let plan = Plan {
        image: &image,
        attached: demo::machine::Attached::of(&description)?,
        courses: &courses,
        updates: arguments.updates,
        clock: if arguments.real_time {
            Clock::Real
        } else {
            Clock::Icount
        },
        seed: arguments.seed,
        tee: if arguments.console {
            Tee::Stdout
        } else {
            Tee::Quiet
        },
        keep_disk: arguments.keep_disk.as_deref(),
        svg: arguments.svg.as_deref(),
    };
    let mut step = None;
    let report = demo::demonstrate(&plan, &mut |text, done, of| {
        step = Some(Step::start(format!("[{done}/{of}] {text}")));
    })?;
    drop(step);
    print!("{}", report.table());
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", report.json()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.ok() { Exit::Success } else { Exit::Failed })
}
