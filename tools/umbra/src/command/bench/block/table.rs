//! The result, as a table and as JSON.

use super::super::split::PARTS;
use super::{Disk, Figures};
use serde_json::{Value, json};

/// What was measured of a disk with so many requests in flight.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The disk.
    pub disk: Disk,
    /// Requests in flight.
    pub depth: u64,
    /// Without and with the shadow.
    pub measured: [Figures; 2],
}

/// The table.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row {
        disk,
        depth,
        measured: [direct, shadow],
    } in rows
    {
        text += &format!("{}\n", disk.words());
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
        let rates = [
            ("requests per virtual second", direct.rate, shadow.rate),
            (
                "the same, on a file of the host",
                direct.rate_file,
                shadow.rate_file,
            ),
        ];
        for (name, direct, shadow) in rates {
            if let (Some(direct), Some(shadow)) = (direct, shadow) {
                line(name, direct, shadow, 0);
            }
        }
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
        .map(|Row { disk, depth, measured: [direct, shadow] }| {
            json!({
                "disk": disk.key(),
                "in_flight": depth,
                "without_shadow": column(direct),
                "with_shadow": column(shadow),
                "ratio": {
                    "requests_per_virtual_second": shadow.rate.zip(direct.rate).map(|(shadow, direct)| shadow / direct),
                    "instructions_per_request": shadow.split.total() / direct.split.total(),
                },
            })
        })
        .collect();
    json!({ "block": rows })
}
