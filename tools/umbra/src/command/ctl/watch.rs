//! Changes of the devices, a line each, as they come.

use super::Exit;
use super::logs::LOOK;
use crate::ctl::{Client, json, text};
use crate::out;
use anyhow::Result;
use control_protocol::record::{Record, State};
use control_protocol::reply::Device;
use std::collections::BTreeMap;

/// What is watched of a device. A line is printed when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    text: String,
    generation: u32,
    package: String,
    staged: String,
    failures: u32,
}

impl Seen {
    fn of(device: &Device) -> Self {
        Self {
            text: text::device(device),
            generation: device.generation,
            package: text::package(device.package.as_ref()),
            staged: text::package(device.staged.as_ref()),
            failures: device.failures,
        }
    }

    fn line(&self) -> String {
        let staged = match self.staged.as_str() {
            "-" => String::new(),
            staged => format!(", staged {staged}"),
        };
        let failures = match self.failures {
            0 => String::new(),
            failures => format!(", failed {}", text::times(failures)),
        };
        let (text, package, generation) = (&self.text, &self.package, self.generation);
        format!("{text}; {package}, generation {generation}{staged}{failures}")
    }
}

/// Prints changes until interrupted.
pub fn watch(client: &mut Client, only: Option<&str>, as_json: bool) -> Result<Exit> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    while !out::closed() {
        let status = client.status()?;
        let chosen = |device: &&Device| only.is_none_or(|only| device.name == only);
        for device in status.devices.iter().filter(chosen) {
            let name = device.name.to_string();
            let records = client.history(&name)?;
            let first = !told.contains_key(&name);
            let newest = told.entry(name.clone()).or_insert(0);
            for record in over(&records, newest) {
                // What was before we came is history.
                if !first {
                    print_record(&name, record, as_json);
                }
            }
            let now = Seen::of(device);
            if seen.get(&name) != Some(&now) {
                print_change(&name, status.now_ns, &now, as_json);
                seen.insert(name, now);
            }
        }
        anyhow::ensure!(
            !seen.is_empty(),
            "there is no such device (`ctl status` lists them)"
        );
        client.pause(LOOK);
    }
    Ok(Exit::Success)
}

/// Records that are over, behind number `newest`, which moves on to the last of them.
fn over<'a>(records: &'a [Record], newest: &mut u32) -> Vec<&'a Record> {
    let from = *newest;
    let new = records.iter().filter(|record| record.id > from);
    let over: Vec<&Record> = new
        .take_while(|record| matches!(record.state, State::Done(_)))
        .collect();
    if let Some(last) = over.last() {
        *newest = last.id;
    }
    over
}

fn print_record(device: &str, record: &Record, as_json: bool) {
    let nanos = record.figures.began_ns.saturating_add(record.figures.total_ns);
    if as_json {
        println!(
            "{}",
            serde_json::json!({ "at_ns": nanos, "device": device, "record": json::record(record) })
        );
    } else {
        let text = text::record(record);
        println!(
            "[{:12.6}] {device}: job {}: {text}",
            nanos as f64 / 1e9,
            record.id
        );
    }
}

fn print_change(device: &str, nanos: u64, seen: &Seen, as_json: bool) {
    if as_json {
        let change = serde_json::json!({
            "at_ns": nanos, "device": device, "text": seen.text, "generation": seen.generation,
            "package": seen.package, "staged": seen.staged, "failures": seen.failures,
        });
        println!("{change}");
    } else {
        println!("[{:12.6}] {device}: {}", nanos as f64 / 1e9, seen.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_protocol::record::{Figures, Kind, Outcome};

    #[test]
    fn each_record_is_told_once_and_none_before_it_is_over() {
        let record = |id, state| Record {
            id,
            device: 0,
            kind: Kind::Update,
            state,
            from: None,
            to: None,
            result: None,
            cause: None,
            figures: Figures::default(),
        };
        let done = State::Done(Outcome::Done);
        let mut newest = 0;
        let ids = |records: &[Record], newest: &mut u32| -> Vec<u32> {
            over(records, newest).iter().map(|record| record.id).collect()
        };
        let mut records = vec![record(1, done), record(2, State::Waiting), record(3, done)];
        assert_eq!(ids(&records, &mut newest), [1]);
        records[1].state = done;
        assert_eq!(ids(&records, &mut newest), [2, 3]);
        assert_eq!(ids(&records, &mut newest), [0; 0]);
    }
}
