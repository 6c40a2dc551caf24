//! Traces of the system, and reports of its clients.

use super::Exit;
use super::show::print_json;
use crate::ctl::{Client, text};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use zerocopy::FromBytes;

/// Prints what the programs of the system noted.
pub fn trace(client: &mut Client, follow: bool, as_json: bool) -> Result<Exit> {
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
