//! `cargo umbra ctl`: orders to a running machine.

use crate::cli::Exit;
use crate::ctl::table::{Table, duration};
use crate::ctl::{Client, json, place, text};
use anyhow::{Context, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use control_protocol::PackageHash;
use control_protocol::record::{Outcome, Record, State};
use control_protocol::request;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zerocopy::FromBytes;

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
    obey(&mut client, &arguments.order, arguments.json, patience).or_else(refused)
}

/// A refusal is an answer, not a failure to run.
fn refused(error: anyhow::Error) -> Result<Exit> {
    match error.downcast_ref() {
        Some(crate::ctl::ClientError::Refused(_)) => {
            eprintln!("umbra: {error:#}");
            Ok(Exit::Failed)
        }
        _ => Err(error),
    }
}

fn obey(client: &mut Client, order: &Order, as_json: bool, patience: Duration) -> Result<Exit> {
    match order {
        Order::Status => status(client, as_json),
        Order::Update {
            package,
            device,
            policy,
        } => {
            let device = the_device(client, device.as_deref())?;
            let package = find_package(client, package)?;
            let job = client.update(&device, package, (*policy).into())?;
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
        Order::Packages => packages(client, as_json),
        Order::History { device } => history(client, device.as_deref(), as_json),
        Order::Trace { follow } => trace(client, *follow, as_json),
        Order::Report { name: None, .. } => reports(client, as_json),
        Order::Report {
            name: Some(name),
            output,
            offset,
            len,
        } => report(client, name, output.as_deref(), *offset, *len),
        Order::Stop => stop(client, as_json, patience),
    }
}

fn print_json(value: &serde_json::Value) -> Result<Exit> {
    println!("{value:#}");
    Ok(Exit::Success)
}

fn status(client: &mut Client, as_json: bool) -> Result<Exit> {
    let status = client.status()?;
    if as_json {
        return print_json(&json::status(&status));
    }
    let mut table = Table::new([
        "DEVICE",
        "STATE",
        "GENERATION",
        "DRIVER",
        "ROLLBACK TO",
        "UPDATES",
        "FAILURES",
    ]);
    for device in &status.devices {
        table.row([
            device.name.as_str().to_owned(),
            text::condition(&device.condition),
            device.generation.to_string(),
            text::package(device.package.as_ref()),
            text::package(device.previous.as_ref()),
            device.updates.to_string(),
            device.failures.to_string(),
        ]);
    }
    print!("{table}");
    Ok(Exit::Success)
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

/// A package file is uploaded; anything else names a package in the store.
fn find_package(client: &mut Client, named: &str) -> Result<PackageHash> {
    if Path::new(named).is_file() {
        let bytes = std::fs::read(named).with_context(|| format!("reading {named}"))?;
        return upload(client, named, &bytes);
    }
    let packages = client.packages()?;
    let lower = named.to_ascii_lowercase();
    let found: Vec<_> = packages
        .iter()
        .filter(|package| {
            package.label == named || (lower.len() >= 4 && text::hex(&package.sha256).starts_with(&lower))
        })
        .collect();
    match found[..] {
        [only] => Ok(only.sha256),
        [] => bail!(
            "{named} is neither a file nor a package in the store (`cargo umbra ctl packages` lists those)"
        ),
        _ => bail!("several packages in the store are meant by {named}: say more of the hash"),
    }
}

fn upload(client: &mut Client, named: &str, bytes: &[u8]) -> Result<PackageHash> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(bytes.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("uploading {msg} [{bar:30}] {bytes}/{total_bytes}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(named.to_owned());
    let hash = client.upload(bytes, |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    Ok(hash?)
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
        print_record(&record);
    }
    Ok(match record.state {
        State::Done(Outcome::Done) => Exit::Success,
        _ => Exit::Failed,
    })
}

fn print_record(record: &Record) {
    let (from, to) = (
        text::package(record.from.as_ref()),
        text::package(record.to.as_ref()),
    );
    println!(
        "{} {from} -> {to}: {}",
        text::kind(record.kind),
        text::state(&record.state)
    );
    if let State::Done(outcome) = &record.state
        && let Some(reason) = text::outcome_reason(outcome)
    {
        println!("  because: {}", text::reason(reason));
    }
    println!("  now runs: {}", text::package(record.result.as_ref()));
    let figures = &record.figures;
    let optional = |nanos: Option<u64>| nanos.map_or_else(|| "unknown".to_owned(), duration);
    println!(
        "  blackout {}, client gap {}",
        optional(figures.blackout_ns),
        optional(figures.client_gap_ns)
    );
    println!(
        "  in flight {}, of these not drained {}, resubmitted {}, queued {}",
        figures.in_flight, figures.undrained, figures.resubmitted, figures.queued
    );
    println!(
        "  staging {}, quiescing {}, cut {}, reset {}, attach {}, start to service {}; in all {}",
        duration(figures.stage_ns),
        duration(figures.quiesce_ns),
        duration(figures.cut_ns),
        duration(figures.reset_ns),
        duration(figures.attach_ns),
        duration(figures.enable_ns),
        duration(figures.total_ns),
    );
}

fn packages(client: &mut Client, as_json: bool) -> Result<Exit> {
    let packages = client.packages()?;
    if as_json {
        return print_json(&json::packages(&packages));
    }
    let mut table = Table::new(["SLOT", "PACKAGE", "BYTES", "SHA-256", ""]);
    for package in &packages {
        let kept = if package.kept { "in use or kept" } else { "" };
        table.row([
            package.slot.to_string(),
            package.label.as_str().to_owned(),
            package.len.to_string(),
            text::hash(&package.sha256),
            kept.to_owned(),
        ]);
    }
    print!("{table}");
    Ok(Exit::Success)
}

fn history(client: &mut Client, device: Option<&str>, as_json: bool) -> Result<Exit> {
    let devices: Vec<String> = match device {
        Some(device) => vec![device.to_owned()],
        None => client
            .status()?
            .devices
            .iter()
            .map(|device| device.name.as_str().to_owned())
            .collect(),
    };
    let mut records = Vec::new();
    for device in &devices {
        records.extend(
            client
                .history(device)?
                .into_iter()
                .map(|record| (device.as_str(), record)),
        );
    }
    records.sort_by_key(|(_, record)| record.id);
    if as_json {
        let records: Vec<_> = records.iter().map(|(_, record)| json::record(record)).collect();
        return print_json(&serde_json::json!({ "history": records }));
    }
    let mut table = Table::new([
        "JOB",
        "AT",
        "DEVICE",
        "WHAT",
        "FROM",
        "TO",
        "RESULT",
        "BLACKOUT",
        "CLIENT GAP",
        "REASON",
    ]);
    let optional = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), duration);
    for (device, record) in &records {
        let reason = match &record.state {
            State::Done(outcome) => text::outcome_reason(outcome).or(record.cause.as_ref()),
            _ => record.cause.as_ref(),
        };
        table.row([
            record.id.to_string(),
            format!("{:.6}", record.figures.began_ns as f64 / 1e9),
            (*device).to_owned(),
            text::kind(record.kind).to_owned(),
            text::package(record.from.as_ref()),
            text::package(record.to.as_ref()),
            text::state(&record.state),
            optional(record.figures.blackout_ns),
            optional(record.figures.client_gap_ns),
            reason.map(text::reason).unwrap_or_default(),
        ]);
    }
    print!("{table}");
    Ok(Exit::Success)
}

fn trace(client: &mut Client, follow: bool, as_json: bool) -> Result<Exit> {
    let hz = client.hello()?.counter_hz;
    let names = client.traces()?;
    let mut cursors = vec![0; names.len()];
    loop {
        let mut events = Vec::new();
        for (source, cursor) in cursors.iter_mut().enumerate() {
            loop {
                // At most 255 sources: the protocol has a byte for them.
                let (bytes, next, lost) = client.trace(source as u8, *cursor)?;
                if lost > 0 {
                    eprintln!("umbra: {lost} events of {} were overwritten", names[source]);
                }
                let read = bytes.chunks_exact(size_of::<trace::Event>());
                events.extend(
                    read.filter_map(|event| trace::Event::read_from_bytes(event).ok())
                        .map(|event| (source, event)),
                );
                if next == *cursor || bytes.is_empty() {
                    break;
                }
                *cursor = next;
            }
        }
        events.sort_by_key(|(_, event)| event.time);
        for (source, event) in events {
            print_event(&names[source], event, hz, as_json);
        }
        std::io::stdout().flush()?;
        if !follow {
            return Ok(Exit::Success);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn print_event(source: &str, event: trace::Event, hz: u64, as_json: bool) {
    if as_json {
        let kind = trace::Kind::from_number(event.kind).map(|kind| kind.text().0);
        let (time, slot, generation) = (event.time, event.slot, event.generation);
        let line = serde_json::json!({
            "source": source, "ticks": time, "hz": hz, "kind": kind, "number": event.kind,
            "slot": slot, "generation": generation, "a": event.a, "b": event.b,
        });
        println!("{line}");
    } else {
        println!("{source:<12} {}", trace::Line { event, hz });
    }
}

fn reports(client: &mut Client, as_json: bool) -> Result<Exit> {
    let names = client.reports()?;
    if as_json {
        return print_json(&serde_json::json!({ "reports": names }));
    }
    names.iter().for_each(|name| println!("{name}"));
    Ok(Exit::Success)
}

fn report(
    client: &mut Client,
    name: &str,
    output: Option<&Path>,
    offset: usize,
    len: Option<usize>,
) -> Result<Exit> {
    let bytes = client.report(name, offset, len.unwrap_or(usize::MAX))?;
    if let Some(path) = output {
        std::fs::write(path, &bytes).with_context(|| format!("writing {}", path.display()))?;
        return Ok(Exit::Success);
    }
    for (line, chunk) in bytes.chunks(16).enumerate() {
        println!("{:08x}  {}", offset + line * 16, text::hex(chunk));
    }
    Ok(Exit::Success)
}

fn stop(client: &mut Client, as_json: bool, patience: Duration) -> Result<Exit> {
    let began = Instant::now();
    loop {
        let stop = client.stop()?;
        if stop.halted {
            if as_json {
                return print_json(&json::stop(&stop));
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
