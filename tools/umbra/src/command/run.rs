//! `cargo umbra run`: the system of the demo, left running.

use crate::build::Config;
use crate::cli::Exit;
use crate::demo::Clock;
use crate::demo::machine::{self, Setup};
use crate::disk::Layout;
use crate::qemu::Tee;
use crate::setup;
use crate::system;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// Boot the demo's system and leave console and command channel open
#[derive(clap::Args)]
pub struct Arguments {
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Description of the system, instead of the demo's
    #[arg(long, value_name = "FILE")]
    system: Option<PathBuf>,
    /// Virtual time: count instructions, a nanosecond each
    #[arg(long)]
    icount: bool,
    /// Seed of the disk's content
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds after which the machine ends
    #[arg(long, value_name = "S", default_value_t = 86_400)]
    timeout: u64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let description = arguments
        .system
        .clone()
        .unwrap_or_else(system::default_description);
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let limit = Duration::from_secs(arguments.timeout);
    let mut guest = machine::start(&Setup {
        image: &image,
        layout: Layout {
            seed: arguments.seed,
            ..Layout::default()
        },
        clock: if arguments.icount {
            Clock::Icount
        } else {
            Clock::Real
        },
        limit,
        tee: Tee::Stdout,
    })?;
    eprintln!("umbra: command channel: {}", machine::command(&guest).display());
    eprintln!(
        "umbra: in another terminal: cargo umbra ctl --socket {} status",
        machine::command(&guest).display()
    );
    eprintln!("umbra: Ctrl-C ends the machine");
    guest.wait_for(None, limit);
    eprint!("{}", guest.messages());
    Ok(Exit::Success)
}
