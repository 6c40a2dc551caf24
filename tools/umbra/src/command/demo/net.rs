//! `cargo umbra demo net`: the same for a network.

use crate::build::Config;
use crate::cli::Exit;
use crate::demo::machine::Attached;
use crate::demo::net::{self, Plan};
use crate::progress::Step;
use crate::qemu::Tee;
use crate::{setup, system, workspace};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Duration;

/// Replace a network driver while clients of this host read files from the machine's web server
///
/// Connections that are kept (by ureq) and fresh ones (by curl) read all files again and again, and compare each body by its SHA-256: first
/// undisturbed, then while the driver is updated, rolled back, killed, and hangs.
#[derive(clap::Args)]
pub struct Arguments {
    /// Updates, forward and back through the releases
    #[arg(long, value_name = "N", default_value_t = 50)]
    updates: usize,
    /// Kills
    #[arg(long, value_name = "N", default_value_t = 20)]
    kills: usize,
    /// Connections that are kept
    #[arg(long, value_name = "N", default_value_t = 32)]
    connections: usize,
    /// Seconds before anything is done to the driver
    #[arg(long, value_name = "S", default_value_t = 20)]
    undisturbed: u64,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Release)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Seed of the disk's content
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Show the guest's console
    #[arg(long)]
    console: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    net::curl_is_there()?;
    let description = workspace::root().join("systems/net-demo/system.xml");
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let packages = net::packages(arguments.config)?;
    let plan = Plan {
        image: &image,
        attached: Attached::of(&description)?,
        packages: &packages,
        connections: arguments.connections,
        undisturbed: Duration::from_secs(arguments.undisturbed),
        updates: arguments.updates,
        kills: arguments.kills,
        seed: arguments.seed,
        tee: if arguments.console {
            Tee::Stdout
        } else {
            Tee::Quiet
        },
    };
    let mut step = None;
    let figures = net::demonstrate(&plan, &mut |text| step = Some(Step::start(text)))?;
    drop(step);
    print!("{}", figures.table());
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", figures.json()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if figures.ok() { Exit::Success } else { Exit::Failed })
}
