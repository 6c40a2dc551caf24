//! The result, as a table and as JSON.

use super::{Figures, Way};
use crate::profile::{Source, Tally};
use serde_json::{Value, json};

/// Instructions per request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    /// The client's.
    pub client: f64,
    /// The shadow's.
    pub shadow: f64,
    /// The driver's, without its published crate.
    pub runtime: f64,
    /// The published crate's.
    pub driver_crate: f64,
    /// The kernel's.
    pub kernel: f64,
    /// Other protection domains', such as the timer's.
    pub others: f64,
    /// Of these the program that only keeps the machine busy; in no sum.
    pub idle: f64,
    /// Instructions that could not be told whose they are; in no sum.
    pub unknown: f64,
    /// Times that user level was left.
    pub kernel_entries: f64,
}

impl Split {
    /// Of what was counted during so many requests; `names` are the programs'.
    pub fn of(tally: &Tally, names: &[&str], requests: u64) -> Self {
        let per_request = |count: u64| count as f64 / requests.max(1) as f64;
        let mut split = Self {
            unknown: per_request(tally.unknown),
            kernel_entries: per_request(tally.kernel_entries),
            ..Self::default()
        };
        for (&(program, source), &count) in &tally.counts {
            let part = match (names[program], source) {
                ("kernel", _) => &mut split.kernel,
                ("disk-bench", _) => &mut split.client,
                ("shadow-block", _) => &mut split.shadow,
                ("spin", _) => &mut split.idle,
                (name, Source::DriverCrate) if is_driver(name) => &mut split.driver_crate,
                (name, Source::Own) if is_driver(name) => &mut split.runtime,
                _ => &mut split.others,
            };
            *part += per_request(count);
        }
        split
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        PARTS.iter().map(|(_, _, part)| part(self)).sum()
    }
}

/// Whether a program is a driver of a disk.
fn is_driver(name: &str) -> bool {
    ["virtio-blk", "nvme"].iter().any(|known| name.starts_with(known))
}

/// A function, and what a request costs in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its program.
    pub program: String,
    /// Its name.
    pub name: String,
    /// Instructions per request.
    pub instructions: f64,
}

/// The functions that cost most.
pub fn functions(way: Way, depth: u64, functions: &[Function]) -> String {
    let mut text = String::new();
    if !functions.is_empty() {
        text += &format!("{way:?}, {depth} in flight: instructions per request, by function\n");
    }
    for one in functions {
        text += &format!("{:>10.1}  {:<18} {}\n", one.instructions, one.program, one.name);
    }
    text
}

type Part = (&'static str, &'static str, fn(&Split) -> f64);

const PARTS: [Part; 6] = [
    ("client", "client", |split| split.client),
    ("shadow", "shadow", |split| split.shadow),
    ("driver runtime", "driver_runtime", |split| split.runtime),
    ("driver crate", "driver_crate", |split| split.driver_crate),
    ("kernel", "kernel", |split| split.kernel),
    ("others", "others", |split| split.others),
];

/// Per depth: without and with the shadow.
type Row = (u64, [Figures; 2]);

/// The table.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for (depth, [direct, shadow]) in rows {
        text += &format!(
            "{:<36}{:>16}{:>16}{:>9}\n",
            format!("4 KiB reads and writes, {depth} in flight"),
            "without shadow",
            "with shadow",
            "ratio"
        );
        let mut line = |name: &str, direct: f64, shadow: f64, digits: usize| {
            let ratio = if direct > 0.0 && shadow > 0.0 {
                format!("{:.2}", shadow / direct)
            } else {
                String::new()
            };
            text += &format!("  {name:<34}{direct:>16.digits$}{shadow:>16.digits$}{ratio:>9}\n");
        };
        line("requests per virtual second", direct.rate, shadow.rate, 0);
        line(
            "the same, on a file of the host",
            direct.rate_file,
            shadow.rate_file,
            0,
        );
        line(
            "instructions per request",
            direct.split.total(),
            shadow.split.total(),
            0,
        );
        for (name, _, part) in PARTS {
            line(&format!("  {name}"), part(&direct.split), part(&shadow.split), 0);
        }
        line(
            "kernel entries per request",
            direct.split.kernel_entries,
            shadow.split.kernel_entries,
            2,
        );
        for (way, figures) in [("without", direct), ("with", shadow)] {
            let unknown = figures.split.unknown;
            if unknown > 0.5 {
                text +=
                    &format!("  {unknown:.0} instructions per request {way} shadow belong to no program\n");
            }
        }
        text.push('\n');
    }
    text
}

/// The same for programs.
pub fn json(rows: &[Row]) -> Value {
    let column = |figures: &Figures| {
        let mut instructions = serde_json::Map::new();
        instructions.insert("total".into(), json!(figures.split.total()));
        for (_, key, part) in PARTS {
            instructions.insert(key.into(), json!(part(&figures.split)));
        }
        json!({
            "requests_per_virtual_second": figures.rate,
            "requests_per_virtual_second_on_a_file": figures.rate_file,
            "instructions_per_request": instructions,
            "kernel_entries_per_request": figures.split.kernel_entries,
        })
    };
    let rows: Vec<Value> = rows
        .iter()
        .map(|(depth, [direct, shadow])| {
            json!({
                "in_flight": depth,
                "without_shadow": column(direct),
                "with_shadow": column(shadow),
                "ratio": {
                    "requests_per_virtual_second": shadow.rate / direct.rate,
                    "instructions_per_request": shadow.split.total() / direct.split.total(),
                },
            })
        })
        .collect();
    json!({ "block": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_without_what_only_keeps_the_machine_busy() {
        let names = ["kernel", "spin", "disk-bench", "virtio-blk-0.8.0", "timer"];
        let mut tally = Tally::default();
        for program in 0..names.len() {
            tally.counts.insert((program, Source::Own), 10);
        }
        tally.counts.insert((3, Source::DriverCrate), 4);
        let split = Split::of(&tally, &names, 2);
        assert_eq!((split.total(), split.idle), (22.0, 5.0));
        assert_eq!((split.runtime, split.driver_crate), (5.0, 2.0));
    }
}
