//! `cargo umbra ctl`: orders to a running machine.

use crate::cli::Exit;
use crate::ctl::{Client, ClientError, json, place, text};
use anyhow::{Context, Result, bail, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Commit;
use indicatif::ProgressBar;
use order::Order;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

mod keys;
mod logs;
mod order;
pub(super) mod package;
pub(super) mod show;
mod watch;

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
            drain,
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
                false => client.update_until(&device, package, (*policy).into(), commit, *drain)?,
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
        Order::Ordered { order } => {
            let job = client.ordered(*order)?.id;
            follow(client, job, as_json)
        }
        Order::Keys => keys::list(client, as_json),
        Order::Revoke { key } => keys::revoke(client, key, as_json),
        Order::Packages => show::packages(client, as_json),
        Order::History { device } => show::history(client, device.as_deref(), as_json),
        Order::Trace { follow } => logs::trace(client, *follow, as_json),
        Order::Log { follow } => logs::log(client, *follow, as_json),
        Order::Watch { device } => watch::watch(client, device.as_deref(), as_json),
        Order::Record { flow, device } => {
            let device = the_device(client, device.as_deref())?;
            client.record(&device, (*flow).into())?;
            if as_json {
                return show::print_json(&serde_json::json!({ "device": device, "recording": true }));
            }
            Ok(Exit::Success)
        }
        Order::Report { name: None, .. } => logs::reports(client, as_json),
        Order::Report {
            name: Some(name),
            output,
            offset,
            len,
        } => logs::report(client, name, output.as_deref(), (*offset, *len), as_json),
        Order::Stop => stop(client, as_json, patience),
    }
}

/// The device that is meant.
pub(super) fn the_device(client: &mut Client, named: Option<&str>) -> Result<String> {
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
