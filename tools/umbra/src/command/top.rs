//! `cargo umbra top`: the live view.

use crate::cli::Exit;
use crate::command::ctl::package;
use crate::complete;
use crate::ctl::{Client, place};
use crate::top::session;
use anyhow::{Context, Result, ensure};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Show what the devices do, live; change drivers by key
///
/// Rates and latencies are in the machine's time. `u` puts in a package of the machine's store, `r` goes back to the driver
/// before, `c` makes an update on probation final, `d` undoes it or gives up what is staged; all ask first.
#[derive(clap::Args)]
pub struct Arguments {
    /// Packages to bring into the store first
    #[arg(value_name = "PKG", add = complete::packages())]
    packages: Vec<String>,
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    interval: f64,
    /// Command socket of the machine [default: that of the machine started last by `cargo umbra run`]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "S", default_value_t = 30.0)]
    timeout: f64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let patience = Duration::try_from_secs_f64(arguments.timeout).context("--timeout")?;
    let interval = Duration::try_from_secs_f64(arguments.interval).context("--interval")?;
    ensure!(
        std::io::stdout().is_terminal(),
        "standard output is no terminal; `cargo umbra ctl watch` prints changes as lines"
    );
    let socket = arguments.socket.clone().unwrap_or_else(place::current);
    let mut client = Client::connect_within(&socket, patience)?;
    for named in &arguments.packages {
        package::find(&mut client, named)?;
    }
    session::run(&mut client, interval.max(Duration::from_millis(50)))?;
    Ok(Exit::Success)
}
