//! `cargo umbra demo`: the whole thing.

use crate::build::Config;
use crate::cli::Exit;
use crate::demo::machine::{self, Setup};
use crate::demo::{self, Clock, Packages, Patience, Report};
use crate::disk::{self, Layout};
use crate::pack;
use crate::progress::Step;
use crate::qemu::{Guest, Tee};
use crate::setup;
use crate::system;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Duration;

/// The releases, in order; the first is the one that the system starts with.
const RELEASES: [&str; 3] = ["virtio-blk-0.8.0", "virtio-blk-0.12.0", "virtio-blk-0.13.0"];
/// Drivers of the test suite, by crate.
const NO_FLUSH: &str = "no-flush";
const FAULTING: &str = "fault-in-probe";

/// Replace a disk driver while two clients use the disk, and check the disk afterwards
#[derive(clap::Args)]
pub struct Arguments {
    /// Updates, forward and back through the releases, before the bad inputs
    #[arg(long, value_name = "N", default_value_t = 12)]
    updates: usize,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
    /// Keep the disk image in this file
    #[arg(long, value_name = "FILE")]
    keep_disk: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let description = system::default_description();
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let packages = packages(arguments.config)?;
    let clock = if arguments.real_time {
        Clock::Real
    } else {
        Clock::Icount
    };
    let layout = Layout {
        seed: arguments.seed,
        ..Layout::default()
    };
    let limit = Duration::from_secs(120 + 5 * arguments.updates as u64);
    let tee = if arguments.console {
        Tee::Stdout
    } else {
        Tee::Quiet
    };
    let mut guest = machine::start(&Setup {
        image: &image,
        layout,
        clock,
        limit,
        tee,
        detached: false,
    })?;
    let outcome = steps(&guest, &packages, arguments.updates);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprint!("{}", last_words(&guest));
            return Err(error);
        }
    };
    let image_file = machine::disk(&guest);
    guest.shut_down().context("ending the machine")?;
    let [blocks, files] = &outcome.reports;
    let verdict = disk::check(&image_file, blocks, files)?;
    if let Some(path) = &arguments.keep_disk {
        std::fs::copy(&image_file, path).with_context(|| format!("writing {}", path.display()))?;
    }
    let report = Report {
        clock,
        rows: outcome.rows,
        verdict,
    };
    print!("{}", report.table());
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", report.json()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.ok() { Exit::Success } else { Exit::Failed })
}

fn packages(config: Config) -> Result<Packages> {
    let pack = |called: &str| Ok::<_, anyhow::Error>(pack::pack(&pack::find(called)?, config)?.bytes);
    Ok(Packages {
        releases: RELEASES.iter().map(|label| pack(label)).collect::<Result<_>>()?,
        no_flush: pack(NO_FLUSH)?,
        faulting: pack(FAULTING)?,
    })
}

fn steps(guest: &Guest, packages: &Packages, updates: usize) -> Result<demo::Outcome> {
    let mut client = demo::connect(&machine::command(guest))?;
    let mut step = None;
    demo::run(
        &mut client,
        packages,
        updates,
        &Patience::default(),
        &mut |text, done, of| {
            step = Some(Step::start(format!("[{done}/{of}] {text}")));
        },
    )
}

/// What the console and QEMU said at last.
fn last_words(guest: &Guest) -> String {
    let console = guest.console().text();
    let lines: Vec<&str> = console.lines().collect();
    let from = lines.len().saturating_sub(20);
    let mut text = guest.messages();
    for line in &lines[from..] {
        text += &format!("guest: {line}\n");
    }
    text
}
