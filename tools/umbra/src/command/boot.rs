//! `cargo umbra boot`: any root task, of whatever origin, on our kernel or on another one.

use crate::build::{self, Config};
use crate::cli::Exit;
use crate::image::{boot_image, elf::Elf, user_image::UserImage};
use crate::qemu::{End, Guest, Machine, Tee};
use crate::setup;
use anyhow::{Context, Result};
use regex::bytes::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// Boot a root-task ELF and print its console
#[derive(clap::Args)]
pub struct Arguments {
    /// Root task ("user image") to start
    #[arg(long, value_name = "ELF")]
    root_task: PathBuf,
    /// Kernel to start it on, instead of ours
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Configuration of our kernel
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
    /// Count instructions: a virtual nanosecond each, repeatable exactly
    #[arg(long)]
    icount: bool,
    /// Start the machine at EL2
    #[arg(long)]
    el2: bool,
    /// RAM of the machine, as QEMU writes it
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = Machine::memory_size)]
    memory: String,
    /// Succeed as soon as a console line matches; without it, run until the machine stops or the time is up
    #[arg(long, value_name = "REGEX")]
    until: Option<Regex>,
    /// Seconds to wait
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    timeout: f64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let timeout = Duration::try_from_secs_f64(arguments.timeout).context("--timeout")?;
    setup::qemu()?;
    setup::rust_target()?;
    let kernel = match &arguments.kernel {
        Some(path) => path.clone(),
        None => build::kernel(arguments.config)?,
    };
    let user = UserImage::from_elf(&Elf::read(&arguments.root_task)?)
        .with_context(|| format!("{}", arguments.root_task.display()))?;
    let image = boot_image::build(&Elf::read(&build::loader()?)?, &Elf::read(&kernel)?, &user)?;
    let machine = Machine {
        memory: arguments.memory.clone(),
        el2: arguments.el2,
        icount: arguments.icount,
        ..Machine::default()
    };
    let mut guest = Guest::start(&machine, &image, timeout, Tee::Stdout)?;
    let end = guest.wait_for(arguments.until.as_ref(), timeout);
    if end == End::Stopped {
        eprint!("{}", guest.messages());
    }
    guest.stop();
    if let Some(complaint) = end.complaint(arguments.until.as_ref()) {
        eprintln!("umbra: {complaint}");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Success)
}
