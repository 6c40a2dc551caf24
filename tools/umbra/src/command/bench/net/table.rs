//! The result, as a table and as JSON.

use super::super::split::{PARTS, Split};
use super::{Direction, Figures, Load};
use serde_json::{Value, json};

/// Per load: without and with the shadow.
type Row = (Load, [Figures; 2]);
/// Payload bytes, and instructions per echo.
type Echo = (usize, Split);

/// What was measured.
pub fn title(load: &Load) -> String {
    let Load { length, batch, .. } = load;
    match load.direction {
        Direction::Send => format!("{length} bytes sent, {batch} at a time"),
        Direction::Receive => format!("{length} bytes received, {batch} at a time"),
    }
}

/// What an echo costs outside the client and its IP library.
fn outside(split: &Split) -> f64 {
    split.total() - split.client
}

/// The table.
pub fn text(rows: &[Row], echoes: &[Echo]) -> String {
    let mut text = String::new();
    for (load, [direct, shadow]) in rows {
        text += &format!(
            "{:<36}{:>16}{:>16}{:>9}\n",
            title(load),
            "without shadow",
            "with shadow",
            "ratio"
        );
        let mut line = |name: &str, [direct, shadow]: [f64; 2], digits: usize| {
            let ratio = if direct > 0.0 && shadow > 0.0 {
                format!("{:.2}", shadow / direct)
            } else {
                String::new()
            };
            text += &format!("  {name:<34}{direct:>16.digits$}{shadow:>16.digits$}{ratio:>9}\n");
        };
        line("frames per virtual second", [direct.rate, shadow.rate], 0);
        if let (Some(direct), Some(shadow)) = (direct.rate_wire, shadow.rate_wire) {
            line("the same, on a wire of 1 Gbit/s", [direct, shadow], 0);
        }
        let totals = [direct.split.total(), shadow.split.total()];
        // An instruction takes a nanosecond.
        let shares = totals.map(|total| 100.0 * total / f64::from(load.wire_ns()));
        line("% of the processor at 1 Gbit/s", shares, 1);
        line("instructions per frame", totals, 0);
        for (name, _, part) in PARTS {
            line(
                &format!("  {name}"),
                [part(&direct.split), part(&shadow.split)],
                0,
            );
        }
        let entries = [direct.split.kernel_entries, shadow.split.kernel_entries];
        line("kernel entries per frame", entries, 2);
        for (way, figures) in [("without", direct), ("with", shadow)] {
            let unknown = figures.split.unknown;
            if unknown > 0.5 {
                text += &format!("  {unknown:.0} instructions per frame {way} shadow belong to no program\n");
            }
        }
        text.push('\n');
    }
    for (payload, split) in echoes {
        text += &format!("UDP echo of {payload} bytes, 32 at a time\n");
        let mut line = |name: &str, count: f64| text += &format!("  {name:<34}{count:>16.0}\n");
        line("instructions per echo", split.total());
        line("without client and IP library", outside(split));
        for (name, _, part) in PARTS {
            line(&format!("  {name}"), part(split));
        }
        text.push('\n');
    }
    text
}

fn instructions(split: &Split) -> Value {
    let parts = PARTS
        .iter()
        .map(|(_, key, part)| ((*key).to_owned(), json!(part(split))));
    let all = [("total".to_owned(), json!(split.total()))];
    Value::Object(all.into_iter().chain(parts).collect())
}

/// The same for programs.
pub fn json(rows: &[Row], echoes: &[Echo]) -> Value {
    let column = |figures: &Figures| {
        json!({
            "frames_per_virtual_second": figures.rate,
            "frames_per_virtual_second_at_1_gbit": figures.rate_wire,
            "instructions_per_frame": instructions(&figures.split),
            "kernel_entries_per_frame": figures.split.kernel_entries,
        })
    };
    let rows: Vec<Value> = rows
        .iter()
        .map(|(load, [direct, shadow])| {
            json!({
                "direction": match load.direction {
                    Direction::Send => "send",
                    Direction::Receive => "receive",
                },
                "bytes": load.length,
                "at_a_time": load.batch,
                "without_shadow": column(direct),
                "with_shadow": column(shadow),
                "ratio": {
                    "frames_per_virtual_second": shadow.rate / direct.rate,
                    "instructions_per_frame": shadow.split.total() / direct.split.total(),
                },
            })
        })
        .collect();
    let echoes: Vec<Value> = echoes
        .iter()
        .map(|(payload, split)| {
            json!({
                "payload_bytes": payload,
                "instructions_per_echo": instructions(split),
                "outside_the_ip_stack": outside(split),
            })
        })
        .collect();
    json!({ "net": rows, "echo": echoes })
}
