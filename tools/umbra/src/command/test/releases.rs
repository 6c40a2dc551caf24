//! `cargo umbra test releases`: the paper's table of real driver updates, with releases of `virtio-drivers`.

use crate::build::Config;
use crate::cli::Exit;
use crate::progress::Step;
use crate::qemu::Tee;
use crate::releases::{self, Choice, Plan};
use crate::setup;
use anyhow::{Context, Result};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit status:
  0  every update ended as its two capability records say, and clients and disk lost nothing
  1  it ran, but an update ended otherwise (the pair is named), a client met an error, content was lost, or the machine failed
  2  it could not run (wrong usage, something missing, a build error, a release that reports no record)";

/// Put the published releases of a driver in under load: oldest to newest, newest to oldest, then random pairs
///
/// What must come of each update is said before, on the host, from what the two releases say that they can do.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Random pairs
    #[arg(long, value_name = "N", default_value_t = 200)]
    pairs: usize,
    /// Seed of the pairs and of what is on the disk
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only these releases, such as 0.5.0,0.6.0
    #[arg(long, value_delimiter = ',', value_name = "VERSION")]
    only: Vec<String>,
    /// Release that the system starts with, and clients begin with [default: the oldest]
    #[arg(long, value_name = "VERSION")]
    first: Option<String>,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Release)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Show the guest's console
    #[arg(long)]
    console: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let plan = Plan {
        versions: &arguments.only,
        first: arguments.first.as_deref(),
        choice: Choice {
            pairs: arguments.pairs,
            seed: arguments.seed,
        },
        config: arguments.config,
        kernel: arguments.kernel.as_deref(),
        tee: if arguments.console {
            Tee::Stdout
        } else {
            Tee::Quiet
        },
    };
    let mut step = None;
    let report = releases::run(&plan, &mut |text| step = Some(Step::start(text)))?;
    drop(step);
    print!("{}", report.table());
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", report.json()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.ok() { Exit::Success } else { Exit::Failed })
}
