//! `cargo umbra trace`: a swap of a driver as a picture.

use crate::cli::Exit;
use crate::command::ctl::{package, show, the_device};
use crate::complete;
use crate::ctl::{Client, json, place};
use crate::timeline::{self, Recording};
use anyhow::{Context, Result};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use control_protocol::vitals::Flow;
use std::path::PathBuf;
use std::time::Duration;

/// How long the machine goes on after an update until the traces are read: the new driver's first answers belong to it.
const AFTERMATH: Duration = Duration::from_millis(300);

const EXIT_CODES: &str = "\
Exit status:
  0  drawn
  1  the update was refused or undone (what came of it is drawn all the same, if a driver was swapped)
  2  no machine answers, there was no swap to draw, or wrong usage";

/// Draw a swap of a driver: who did what, the ten steps, the clients' requests
///
/// Without --update the newest swap that the machine's traces still have is drawn; `ctl record single` before it puts its
/// requests into the picture.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// File to write the picture to
    #[arg(long, value_name = "FILE")]
    svg: PathBuf,
    /// Put this package in first, and record it: a file, or a label or the beginning of a hash in the store
    #[arg(long, value_name = "PKG", add = complete::packages())]
    update: Option<String>,
    /// Device [default: the only one]
    #[arg(long, add = complete::devices())]
    device: Option<String>,
    /// Print what came of the update as JSON
    #[arg(long)]
    json: bool,
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
    let socket = arguments.socket.clone().unwrap_or_else(place::current);
    let mut client = Client::connect_within(&socket, patience)?;
    let exit = match &arguments.update {
        Some(named) => update(&mut client, named, arguments)?,
        None => Exit::Success,
    };
    let title = arguments.update.as_deref().unwrap_or("newest swap of a driver");
    timeline::write(&Recording::of(&mut client)?, title, &arguments.svg)?;
    Ok(exit)
}

/// Records and performs an update.
fn update(client: &mut Client, named: &str, arguments: &Arguments) -> Result<Exit> {
    let device = the_device(client, arguments.device.as_deref())?;
    let package = package::find(client, named)?;
    client.record(&device, Flow::Single)?;
    let job = client.update(&device, package, Policy::Refuse)?;
    let record = client.follow(job, |_| {})?;
    if arguments.json {
        show::print_json(&json::record(&record))?;
    } else {
        show::record(&record);
    }
    client.pause(AFTERMATH);
    Ok(match record.state {
        State::Done(Outcome::Done) => Exit::Success,
        _ => Exit::Failed,
    })
}
