//! `cargo umbra test releases`: the paper's table of real driver updates, with releases of `virtio-drivers` (disks, then
//! networks) and of `nvme-driver`.

use crate::build::Config;
use crate::cli::Exit;
use crate::progress::Step;
use crate::qemu::Tee;
use crate::releases::{self, Choice, Family, Plan};
use crate::setup;
use anyhow::{Context, Result};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit status:
  0  every update ended as what its two releases did on the host says, and clients lost nothing
  1  it ran, but an update ended otherwise (the pair is named), a client met an error, content was lost, or the machine failed
  2  it could not run (wrong usage, something missing, a build error, a release that reports no record)";

/// Put the published releases of drivers in under load: oldest to newest, newest to oldest, then random pairs
///
/// What must come of each update is said before, on the host, from what the two releases say that they can do there, or from a release
/// not coming to an end with its probe.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Whose releases [default: all, one after the other; with --only or --first: virtio-blk]
    #[arg(long, value_enum, value_name = "NAME")]
    driver: Option<Family>,
    /// Random pairs [default: 200 of virtio-blk, 12 of nvme, 84 of virtio-net]
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Seed of the pairs and of what is on the disk
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only these releases, such as 0.5.0,0.6.0
    #[arg(long, value_delimiter = ',', value_name = "VERSION")]
    only: Vec<String>,
    /// Release that the system starts with, and clients begin with [default: the oldest that comes up]
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
    let mut json = serde_json::Value::Null;
    let mut good = true;
    for family in arguments.families() {
        let plan = Plan {
            family,
            versions: &arguments.only,
            first: arguments.first.as_deref(),
            choice: Choice {
                pairs: arguments.pairs.unwrap_or(family.pairs()),
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
        println!("{}", family.name());
        print!("{}", report.table());
        good &= report.ok();
        // The first one's figures stand where they stood when it was the only one.
        match &mut json {
            serde_json::Value::Null => json = report.json(),
            first => first[family.name()] = report.json(),
        }
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{json:#}\n")).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if good { Exit::Success } else { Exit::Failed })
}

impl Arguments {
    fn families(&self) -> Vec<Family> {
        match self.driver {
            Some(family) => vec![family],
            None if self.only.is_empty() && self.first.is_none() => Family::ALL.to_vec(),
            None => vec![Family::VirtioBlk],
        }
    }
}
