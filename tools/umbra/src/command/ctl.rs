//! `cargo umbra ctl`: orders to a running machine.

use crate::cli::Exit;
use crate::ctl::{Client, ClientError, json, place, text};
use anyhow::{Context, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use control_protocol::record::{Outcome, State};
use control_protocol::request::{self, Commit};
use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

mod logs;
mod package;
mod show;

const EXIT_CODES: &str = "\
Exit status:
  0  done
  1  the machine refused, undid the change, or took the device offline (the reason is printed)
  2  no machine answers, or wrong usage";

/// Talk to a running machine
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Command socket of the machine [default: that of the machine started last by `cargo umbra run`]
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    /// Seconds to wait for an answer
    #[arg(long, global = true, value_name = "S", default_value_t = 30.0)]
    timeout: f64,
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand)]
enum Order {
    /// Show what the devices do
    Status,
    /// Replace the driver of a device while it is in use
    Update {
        /// Package file; or the label or the beginning of the hash of a package in the store
        #[arg(value_name = "PKG")]
        package: String,
        /// Device [default: the only one]
        #[arg(long)]
        device: Option<String>,
        /// What to do if the new driver lacks a capability that the running one has
        #[arg(long, value_enum, default_value_t = Policy::Refuse)]
        policy: Policy,
        /// Keep the update on probation until `ctl commit` or `ctl discard`
        #[arg(long)]
        manual_commit: bool,
        /// Do and check everything up to the point where the device would be touched, then give it all back
        #[arg(long, conflicts_with_all = ["policy", "manual_commit"])]
        dry_run: bool,
    },
    /// Build a driver beside the one that runs and hold it; `ctl update` to the same package then takes it
    Stage {
        /// Package, as with `update`
        #[arg(value_name = "PKG")]
        package: String,
        /// Device [default: the only one]
        device: Option<String>,
    },
    /// Make an update final that is still on probation
    Commit {
        /// Device
        device: String,
    },
    /// Give up a staged driver; or undo an update that is still on probation
    Discard {
        /// Device
        device: String,
    },
    /// Go back to the driver before the last update
    Rollback {
        /// Device
        device: String,
    },
    /// Stop the running driver as if it had crashed; it is restarted
    Kill {
        /// Device
        device: String,
    },
    /// List the packages in the machine's store
    Packages,
    /// List what happened to the drivers
    History {
        /// Device [default: all]
        device: Option<String>,
    },
    /// Print the trace of control, shadows and root, in order of time
    Trace {
        /// Go on printing until interrupted
        #[arg(long)]
        follow: bool,
    },
    /// List the reports of the clients, or fetch one
    Report {
        /// Client
        name: Option<String>,
        /// File to write it to, instead of a hexadecimal dump
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// First byte
        #[arg(long, default_value_t = 0)]
        offset: usize,
        /// Bytes [default: all]
        #[arg(long)]
        len: Option<usize>,
    },
    /// Ask the clients to stop, and wait until they have
    Stop,
}

/// What to do about a lost capability.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// Go back to the old driver
    Refuse,
    /// Keep the new one, and fail only the requests that reveal the loss
    Degrade,
    /// Keep the new one, and do not compare
    Force,
}

impl From<Policy> for request::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Refuse => Self::Refuse,
            Policy::Degrade => Self::Degrade,
            Policy::Force => Self::Force,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let patience = Duration::try_from_secs_f64(arguments.timeout).context("--timeout")?;
    let socket = arguments.socket.clone().unwrap_or_else(place::current);
    let mut client = Client::connect_within(&socket, patience)?;
    obey(&mut client, &arguments.order, arguments.json, patience)
        .or_else(|error| refused(error, arguments.json))
}

/// A refusal is an answer, not a failure to run.
fn refused(error: anyhow::Error, as_json: bool) -> Result<Exit> {
    let Some(ClientError::Refused(refusal)) = error.downcast_ref() else {
        return Err(error);
    };
    if as_json {
        show::print_json(&json::refusal(refusal))?;
    }
    eprintln!("umbra: {error:#}");
    Ok(Exit::Failed)
}

fn obey(client: &mut Client, order: &Order, as_json: bool, patience: Duration) -> Result<Exit> {
    match order {
        Order::Status => show::status(client, as_json),
        Order::Update {
            package,
            device,
            policy,
            manual_commit,
            dry_run,
        } => {
            let device = the_device(client, device.as_deref())?;
            let package = package::find(client, package)?;
            let commit = if *manual_commit {
                Commit::Manual
            } else {
                Commit::Timed
            };
            let job = match dry_run {
                true => client.check(&device, package)?,
                false => client.update_until(&device, package, (*policy).into(), commit)?,
            };
            follow(client, job, as_json)
        }
        Order::Stage { package, device } => {
            let device = the_device(client, device.as_deref())?;
            let package = package::find(client, package)?;
            let job = client.stage(&device, package)?;
            follow(client, job, as_json)
        }
        Order::Commit { device } => {
            let job = client.commit(device)?;
            follow(client, job, as_json)
        }
        Order::Discard { device } => {
            let job = client.discard(device)?;
            follow(client, job, as_json)
        }
        Order::Rollback { device } => {
            let job = client.rollback(device)?;
            follow(client, job, as_json)
        }
        Order::Kill { device } => {
            let job = client.kill(device)?;
            follow(client, job, as_json)
        }
        Order::Packages => show::packages(client, as_json),
        Order::History { device } => show::history(client, device.as_deref(), as_json),
        Order::Trace { follow } => logs::trace(client, *follow, as_json),
        Order::Report { name: None, .. } => logs::reports(client, as_json),
        Order::Report {
            name: Some(name),
            output,
            offset,
            len,
        } => logs::report(client, name, output.as_deref(), *offset, *len),
        Order::Stop => stop(client, as_json, patience),
    }
}

/// The device that is meant.
fn the_device(client: &mut Client, named: Option<&str>) -> Result<String> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let status = client.status()?;
    match status.devices.as_slice() {
        [only] => Ok(only.name.as_str().to_owned()),
        devices => {
            let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
            bail!("which device? Say --device with one of: {}", names.join(", "))
        }
    }
}

/// Waits for a job and prints what came of it.
fn follow(client: &mut Client, job: u32, as_json: bool) -> Result<Exit> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let record = client.follow(job, |record| {
        bar.set_message(text::state(&record.state));
        bar.tick();
    });
    bar.finish_and_clear();
    let record = record?;
    if as_json {
        println!("{:#}", json::record(&record));
    } else {
        show::record(&record);
    }
    Ok(match record.state {
        State::Done(Outcome::Done) => Exit::Success,
        _ => Exit::Failed,
    })
}

fn stop(client: &mut Client, as_json: bool, patience: Duration) -> Result<Exit> {
    let began = Instant::now();
    loop {
        let stop = client.stop()?;
        if stop.halted {
            if as_json {
                return show::print_json(&json::stop(&stop));
            }
            println!("halted: every client has stopped; the machine may be switched off");
            return Ok(Exit::Success);
        }
        let names: Vec<&str> = stop.waiting.iter().map(|name| name.as_str()).collect();
        ensure!(
            began.elapsed() < patience,
            "these clients do not stop: {}",
            names.join(", ")
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
