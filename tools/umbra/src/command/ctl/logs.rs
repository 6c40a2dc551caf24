//! Traces of the system, and reports of its clients.

use super::Exit;
use super::show::print_json;
use crate::ctl::story::{Names, Teller};
use crate::ctl::traces::{Traces, Written};
use crate::ctl::{Client, text};
use crate::out;
use anyhow::{Context, Result};
use control_protocol::record::State;
use std::path::Path;
use std::time::Duration;

/// How often whoever follows asks.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// Prints what the programs of the system noted.
pub fn trace(client: &mut Client, follow: bool, as_json: bool) -> Result<Exit> {
    let mut traces = Traces::of(client)?;
    loop {
        let events = traces.read(client, overwritten)?;
        for Written { source, event } in events {
            print_event(&traces.names()[source], event, traces.hz(), as_json);
        }
        if !follow || out::closed() {
            return Ok(Exit::Success);
        }
        client.pause(LOOK);
    }
}

fn overwritten(name: &str, lost: u64) {
    eprintln!("umbra: {lost} events of {name} were overwritten before they were read");
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

/// A line of the log.
struct Entry {
    nanos: u64,
    text: String,
}

/// Prints what happened, in sentences: from the traces, and from the history of each device.
pub fn log(client: &mut Client, follow: bool, as_json: bool) -> Result<Exit> {
    let mut traces = Traces::of(client)?;
    let status = client.status()?;
    let devices: Vec<String> = status
        .devices
        .iter()
        .map(|device| device.name.to_string())
        .collect();
    let (mut told, mut teller) = (0, Teller::default());
    loop {
        let mut entries: Vec<Entry> = Vec::new();
        for Written { source, event } in traces.read(client, |_, _| {})? {
            let names = Names {
                source: &traces.names()[source],
                devices: &devices,
                hz: traces.hz(),
            };
            let nanos = names.nanos(event.time);
            entries.extend(teller.tell(&event, names).map(|text| Entry { nanos, text }));
        }
        entries.extend(finished(client, &devices, &mut told)?);
        entries.sort_by_key(|entry| entry.nanos);
        for Entry { nanos, text } in entries {
            if as_json {
                println!("{}", serde_json::json!({ "at_ns": nanos, "text": text }));
            } else {
                println!("[{:12.6}] {text}", nanos as f64 / 1e9);
            }
        }
        if !follow || out::closed() {
            return Ok(Exit::Success);
        }
        client.pause(LOOK);
    }
}

/// Records that are over and were not told yet. Those behind one that is not over wait for it.
fn finished(client: &mut Client, devices: &[String], told: &mut u32) -> Result<Vec<Entry>> {
    let mut records = Vec::new();
    for device in devices {
        let of_device = client.history(device)?.into_iter();
        records.extend(of_device.map(|record| (device, record)));
    }
    records.sort_by_key(|(_, record)| record.id);
    let mut entries = Vec::new();
    for (device, record) in records.iter().filter(|(_, record)| record.id > *told) {
        if !matches!(record.state, State::Done(_)) {
            break;
        }
        let nanos = record.figures.began_ns.saturating_add(record.figures.total_ns);
        let text = format!("{device}: job {}: {}", record.id, text::record(record));
        entries.push(Entry { nanos, text });
    }
    let over = records
        .iter()
        .take_while(|(_, record)| matches!(record.state, State::Done(_)));
    *told = over.map(|(_, record)| record.id).last().unwrap_or(0).max(*told);
    Ok(entries)
}

/// Prints whose reports there are.
pub fn reports(client: &mut Client, as_json: bool) -> Result<Exit> {
    let names = client.reports()?;
    if as_json {
        return print_json(&serde_json::json!({ "reports": names }));
    }
    names.iter().for_each(|name| println!("{name}"));
    Ok(Exit::Success)
}

/// Fetches a report.
pub fn report(
    client: &mut Client,
    name: &str,
    output: Option<&Path>,
    (offset, len): (usize, Option<usize>),
    as_json: bool,
) -> Result<Exit> {
    let bytes = client.report(name, offset, len.unwrap_or(usize::MAX))?;
    if let Some(path) = output {
        std::fs::write(path, &bytes).with_context(|| format!("writing {}", path.display()))?;
        return Ok(Exit::Success);
    }
    if as_json {
        let report = serde_json::json!({ "name": name, "offset": offset, "bytes": text::hex(&bytes) });
        return print_json(&report);
    }
    for (line, chunk) in bytes.chunks(16).enumerate() {
        println!("{:08x}  {}", offset + line * 16, text::hex(chunk));
    }
    Ok(Exit::Success)
}
