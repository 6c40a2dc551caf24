//! The demo's table for people: its rows, and below them what was found of each disk.

use super::report::{Checked, Clock, Report, Row, Spread, micros};
use std::fmt::Write as _;

/// Columns to the left; the others are numbers.
const WORDS: usize = 4;

const HEADS: [&str; 9] = [
    "device",
    "from",
    "to",
    "result",
    "blackout",
    "client gap",
    "in flight",
    "resubmitted",
    "queued",
];

impl Report {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut lines = vec![HEADS.map(String::from)];
        lines.extend(self.rows.iter().map(cells));
        let mut text = columns(&lines);
        for disk in &self.disks {
            self.disk(disk, &mut text);
        }
        text
    }

    fn disk(&self, Checked { device, verdict }: &Checked, text: &mut String) {
        let clock = match self.clock {
            Clock::Icount => "virtual time",
            Clock::Real => "real time",
        };
        let spreads = [
            ("blackout", self.blackouts(device)),
            ("client gap", self.client_gaps(device)),
        ];
        for (name, spread) in spreads {
            if let Some(Spread { p50, p99, worst }) = spread {
                let _ = writeln!(
                    text,
                    "{device}  {name:<11} p50 {p50:.1} µs   p99 {p99:.1} µs   worst {worst:.1} µs   ({clock})"
                );
            }
        }
        let _ = writeln!(
            text,
            "{device}  requests {}   bytes {}   client errors {}   lost {}   corrupt {}   stale {}",
            verdict.requests,
            verdict.bytes,
            verdict.client_errors,
            verdict.lost,
            verdict.corrupt,
            verdict.stale
        );
        let (blocks, files) = (verdict.blocks, verdict.files);
        let _ = writeln!(
            text,
            "{device}  checked on the image: {blocks} blocks, {files} files"
        );
        for finding in &verdict.findings {
            let _ = writeln!(text, "  ! {finding}");
        }
    }
}

fn cells(row: &Row) -> [String; HEADS.len()] {
    let time = |ns: Option<u64>| micros(ns).map_or("-".into(), |us| format!("{us:.1} µs"));
    let figures = &row.figures;
    [
        row.device.clone(),
        row.from.clone(),
        row.to.clone(),
        format!(
            "{}{}",
            row.result,
            if row.ok { "" } else { "  <-- NOT AS EXPECTED" }
        ),
        time(figures.blackout_ns),
        time(figures.client_gap_ns),
        figures.in_flight.to_string(),
        figures.resubmitted.to_string(),
        figures.queued.to_string(),
    ]
}

/// Lines of cells, each column as wide as its widest cell; words to the left, numbers to the right.
fn columns(lines: &[[String; HEADS.len()]]) -> String {
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let width = width(column);
            let _ = if column < WORDS {
                write!(text, "{cell:<width$}  ")
            } else {
                write!(text, "{cell:>width$}  ")
            };
        }
        let len = text.trim_end().len();
        text.truncate(len);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Verdict;
    use control_protocol::record::Figures;

    fn row(device: &str, ok: bool) -> Row {
        Row {
            device: device.into(),
            from: "a".into(),
            to: "b".into(),
            result: "refused: a driver of another class".into(),
            ok,
            figures: Figures::default(),
        }
    }

    #[test]
    fn table_names_what_is_not_as_expected() {
        let mut report = Report {
            clock: Clock::Icount,
            rows: vec![row("disk0", true)],
            disks: Vec::new(),
        };
        assert!(!report.table().contains("NOT AS EXPECTED"));
        report.rows.push(row("disk0", false));
        assert!(
            report
                .table()
                .contains("refused: a driver of another class  <-- NOT AS EXPECTED")
        );
    }

    #[test]
    fn each_disk_has_its_own_lines() {
        let disk = |device: &str, lost| Checked {
            device: device.into(),
            verdict: Verdict {
                lost,
                ..Verdict::default()
            },
        };
        let report = Report {
            clock: Clock::Icount,
            rows: Vec::new(),
            disks: vec![disk("disk0", 0), disk("disk1", 7)],
        };
        let table = report.table();
        let of = |device: &str| {
            table
                .lines()
                .find(|line| line.starts_with(device))
                .unwrap_or_default()
        };
        assert!(
            of("disk0").contains("lost 0") && of("disk1").contains("lost 7"),
            "{table}"
        );
    }
}
