//! What the operator is shown: tables, or JSON.

use super::Exit;
use crate::ctl::table::{Table, duration};
use crate::ctl::{Client, json, text};
use anyhow::Result;
use control_protocol::record::{Kind, Outcome, Record, State};
use control_protocol::reply::Device;
use control_protocol::vitals::DeviceVitals;

/// Prints a JSON value.
pub fn print_json(value: &serde_json::Value) -> Result<Exit> {
    println!("{value:#}");
    Ok(Exit::Success)
}

/// What the devices do.
pub fn status(client: &mut Client, as_json: bool) -> Result<Exit> {
    let (status, domains, vitals) = (client.status()?, client.domains()?, client.vitals()?);
    if as_json {
        return print_json(&json::status(&status, &domains, &vitals));
    }
    let mut table = Table::new([
        "DEVICE",
        "STATE",
        "SHADOW",
        "GENERATION",
        "DRIVER",
        "STAGED",
        "ROLLBACK TO",
        "UPDATES",
        "FAILURES",
        "MEMORY",
    ]);
    let none = DeviceVitals::default();
    for (number, device) in status.devices.iter().enumerate() {
        let vitals = vitals.devices.get(number).unwrap_or(&none);
        table.row([
            device.name.as_str().to_owned(),
            text::device(device),
            vitals
                .traffic
                .map_or("-", |traffic| text::mode(traffic.mode))
                .to_owned(),
            device.generation.to_string(),
            text::package(device.package.as_ref()),
            text::package(device.staged.as_ref()),
            text::package(device.previous.as_ref()),
            device.updates.to_string(),
            device.failures.to_string(),
            vitals
                .memory
                .map_or_else(|| "-".to_owned(), |memory| text::memory(&memory)),
        ]);
    }
    print!("{table}");
    status.devices.iter().for_each(failures);
    for domain in &domains {
        println!(
            "{}: {}started anew {}, last after: {}",
            domain.name,
            if domain.dead { "dead; " } else { "" },
            text::times(domain.restarts),
            text::anew(domain)
        );
    }
    Ok(Exit::Success)
}

/// Why drivers of a device failed, and what was tried after that.
fn failures(device: &Device) {
    let causes = text::causes(&device.causes);
    if !causes.is_empty() {
        println!("{}: failures: {causes}", device.name);
    }
    for tried in &device.tried {
        println!(
            "{}: tried {}: failed {}, last at {:.6} s: {}",
            device.name,
            text::package(tried.package.as_ref()),
            text::times(tried.times),
            tried.last_ns as f64 / 1e9,
            text::reason(&tried.reason)
        );
    }
}

/// What came of a job.
pub fn record(record: &Record) {
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
    match record.kind {
        Kind::Check if record.state == State::Done(Outcome::Done) => println!(
            "  in order: package, class interface, device, memory; not known before the device is touched: whether the driver \
             comes up, and its capabilities"
        ),
        _ => {}
    }
    if matches!(record.kind, Kind::Stage | Kind::Check | Kind::Commit) {
        return;
    }
    let figures = &record.figures;
    let optional = |nanos: Option<u64>| nanos.map_or_else(|| "unknown".to_owned(), duration);
    println!(
        "  blackout {}, client gap {}",
        optional(figures.blackout_ns),
        optional(figures.client_gap_ns)
    );
    println!(
        "  last request {} before, in flight {}, of these not drained {}, resubmitted {}, queued {}",
        duration(figures.before_ns),
        figures.in_flight,
        figures.undrained,
        figures.resubmitted,
        figures.queued
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

/// What is in the package store.
pub fn packages(client: &mut Client, as_json: bool) -> Result<Exit> {
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

/// What happened to the drivers.
pub fn history(client: &mut Client, device: Option<&str>, as_json: bool) -> Result<Exit> {
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
