//! What the demo tells: a row per driver that came or went, the totals, the table and the JSON.

use crate::ctl::text;
use crate::disk::Verdict;
use control_protocol::record::{Figures, Outcome, PackageLabel, Reason, Record, State};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What the times are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Virtual time: an instruction is a nanosecond.
    Icount,
    /// The host's time.
    Real,
}

impl Clock {
    fn name(self) -> &'static str {
        match self {
            Self::Icount => "icount",
            Self::Real => "real",
        }
    }
}

/// What must come of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The new driver runs.
    Done,
    /// Refused before anything was touched, because the package is damaged.
    Damaged,
    /// Started, compared, and gone back, because durability was lost.
    CapabilityLost,
    /// Gone back, because the driver faulted.
    Faulted,
}

impl Expected {
    /// Whether that is how it ended.
    pub fn is_met_by(self, outcome: Outcome) -> bool {
        match self {
            Self::Done => outcome == Outcome::Done,
            Self::Damaged => matches!(outcome, Outcome::Refused(Reason::Damaged { .. })),
            Self::CapabilityLost => matches!(outcome, Outcome::RolledBack(Reason::CapabilityLost { .. })),
            Self::Faulted => matches!(outcome, Outcome::RolledBack(Reason::Fault { .. })),
        }
    }
}

/// A row: one transaction.
#[derive(Clone, Debug)]
pub struct Row {
    /// Driver before.
    pub from: String,
    /// Driver that was to come.
    pub to: String,
    /// How it ended, in words.
    pub result: String,
    /// Whether it ended as it must.
    pub ok: bool,
    /// Measured; none if nothing was touched.
    pub figures: Figures,
}

impl Row {
    /// From what control recorded.
    pub fn of(record: &Record, expected: Expected) -> Self {
        let (result, ok) = match record.state {
            State::Done(outcome) => (line(outcome), expected.is_met_by(outcome)),
            state => (format!("unfinished: {state:?}"), false),
        };
        Self {
            from: label(record.from.as_ref()),
            to: label(record.to.as_ref()),
            result,
            ok,
            figures: record.figures,
        }
    }

    /// Which change it was.
    pub fn title(&self) -> String {
        format!("{} → {}: {}", self.from, self.to, self.result)
    }

    fn json(&self) -> Value {
        json!({
            "from": self.from,
            "to": self.to,
            "result": self.result,
            "blackout_us": micros(self.figures.blackout_ns),
            "client_gap_us": micros(self.figures.client_gap_ns),
            "in_flight": self.figures.in_flight,
            "resubmitted": self.figures.resubmitted,
            "queued": self.figures.queued,
            "steps_us": {
                "stage": step(self.figures.stage_ns),
                "quiesce": step(self.figures.quiesce_ns),
                "cut": step(self.figures.cut_ns),
                "reset": step(self.figures.reset_ns),
                "attach": step(self.figures.attach_ns),
                "enable": step(self.figures.enable_ns),
                "total": step(self.figures.total_ns),
            },
        })
    }
}

fn label(package: Option<&PackageLabel>) -> String {
    match package {
        None => "-".into(),
        Some(package) if package.label.is_empty() => "(unreadable)".into(),
        Some(package) => package.label.to_string(),
    }
}

fn step(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

fn micros(ns: Option<u64>) -> Option<f64> {
    ns.map(|ns| ns as f64 / 1000.0)
}

/// An outcome in a line.
pub fn line(outcome: Outcome) -> String {
    match words(outcome) {
        (outcome, None) => outcome.to_owned(),
        (outcome, Some(reason)) => format!("{outcome}: {reason}"),
    }
}

/// An outcome in words, and its reason.
pub fn words(outcome: Outcome) -> (&'static str, Option<String>) {
    (text::outcome(&outcome), text::outcome_reason(&outcome).map(why))
}

/// Short, for the table; at length for what the demo does not expect.
fn why(reason: &Reason) -> String {
    match reason {
        Reason::Damaged { .. } => "damaged package".into(),
        Reason::CapabilityLost { fields } => format!("capability lost ({fields:#x})"),
        Reason::Fault { address, .. } => format!("fault at {address:#x}"),
        other => text::reason(other),
    }
}

/// The whole result.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the times are in.
    pub clock: Clock,
    /// One per transaction.
    pub rows: Vec<Row>,
    /// What the disk and the clients say.
    pub verdict: Verdict,
}

/// Order statistics of a row's figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Median, in microseconds.
    pub p50: f64,
    /// 99 of 100 are not longer.
    pub p99: f64,
    /// The longest.
    pub worst: f64,
}

impl Spread {
    /// Of any values; none if there is none. A percentile is the smallest value that enough of them do not exceed.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(index).copied()
        };
        Some(Self {
            p50: rank(50)?,
            p99: rank(99)?,
            worst: *values.last()?,
        })
    }
}

impl Report {
    /// Everything held.
    pub fn ok(&self) -> bool {
        self.rows.iter().all(|row| row.ok) && !self.rows.is_empty() && self.verdict.holds()
    }

    /// As documented for `--json`.
    pub fn json(&self) -> Value {
        let verdict = &self.verdict;
        json!({
            "clock": self.clock.name(),
            "updates": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "totals": {
                "requests": verdict.requests,
                "bytes": verdict.bytes,
                "client_errors": verdict.client_errors,
                "lost": verdict.lost,
                "corrupt": verdict.corrupt,
                "stale": verdict.stale,
            },
            "ok": self.ok(),
        })
    }

    /// Blackouts of the rows in which the device changed hands.
    pub fn blackouts(&self) -> Option<Spread> {
        Spread::of(self.rows.iter().filter_map(|row| micros(row.figures.blackout_ns)))
    }

    /// Client gaps of all rows.
    pub fn client_gaps(&self) -> Option<Spread> {
        Spread::of(
            self.rows
                .iter()
                .filter_map(|row| micros(row.figures.client_gap_ns)),
        )
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let heads = [
            "from",
            "to",
            "result",
            "blackout",
            "client gap",
            "in flight",
            "resubmitted",
            "queued",
        ]
        .map(String::from);
        let mut lines = vec![heads];
        for row in &self.rows {
            let time = |ns: Option<u64>| micros(ns).map_or("-".into(), |us| format!("{us:.1} µs"));
            let figures = &row.figures;
            lines.push([
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
            ]);
        }
        let mut text = columns(&lines);
        let clock = match self.clock {
            Clock::Icount => "virtual time",
            Clock::Real => "real time",
        };
        for (name, spread) in [("blackout", self.blackouts()), ("client gap", self.client_gaps())] {
            if let Some(Spread { p50, p99, worst }) = spread {
                let _ = writeln!(
                    text,
                    "{name:<11} p50 {p50:.1} µs   p99 {p99:.1} µs   worst {worst:.1} µs   ({clock})"
                );
            }
        }
        let verdict = &self.verdict;
        let _ = writeln!(
            text,
            "requests {}   bytes {}   client errors {}   lost {}   corrupt {}   stale {}",
            verdict.requests,
            verdict.bytes,
            verdict.client_errors,
            verdict.lost,
            verdict.corrupt,
            verdict.stale
        );
        let _ = writeln!(
            text,
            "checked on the image: {} blocks, {} files",
            verdict.blocks, verdict.files
        );
        for finding in &verdict.findings {
            let _ = writeln!(text, "  ! {finding}");
        }
        text
    }
}

/// Lines of cells, each column as wide as its widest cell; the first three to the left, numbers to the right.
fn columns(lines: &[[String; 8]]) -> String {
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
            let _ = if column < 3 {
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
    use control_protocol::record::Kind;

    fn record(outcome: Outcome) -> Record {
        Record {
            id: 1,
            device: 0,
            kind: Kind::Update,
            state: State::Done(outcome),
            from: None,
            to: Some(PackageLabel::default()),
            result: None,
            cause: None,
            figures: Figures {
                blackout_ns: Some(1500),
                in_flight: 32,
                ..Figures::default()
            },
        }
    }

    fn good() -> Report {
        let verdict = Verdict {
            requests: 1,
            bytes: 2,
            blocks: 1,
            files: 1,
            ..Verdict::default()
        };
        Report {
            clock: Clock::Icount,
            rows: vec![Row::of(&record(Outcome::Done), Expected::Done)],
            verdict,
        }
    }

    #[test]
    fn each_step_has_one_outcome_that_is_right() {
        let outcomes = [
            (Expected::Done, Outcome::Done),
            (Expected::Damaged, Outcome::Refused(Reason::Damaged { detail: 1 })),
            (
                Expected::CapabilityLost,
                Outcome::RolledBack(Reason::CapabilityLost { fields: 8 }),
            ),
            (
                Expected::Faulted,
                Outcome::RolledBack(Reason::Fault {
                    label: 5,
                    address: 0,
                    pc: 0,
                }),
            ),
        ];
        for (wanted, _) in outcomes {
            for (expected, outcome) in outcomes {
                assert_eq!(
                    wanted.is_met_by(outcome),
                    wanted == expected,
                    "{wanted:?} {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn one_bad_thing_is_enough_to_fail() {
        assert!(good().ok());
        let mut report = good();
        report
            .rows
            .push(Row::of(&record(Outcome::Offline(Reason::Budget)), Expected::Done));
        assert!(!report.ok());
        let mut report = good();
        report.rows.clear();
        assert!(!report.ok(), "nothing was done");
        for spoil in [
            |verdict: &mut Verdict| verdict.lost = 1,
            |verdict: &mut Verdict| verdict.stale = 1,
            |verdict: &mut Verdict| verdict.corrupt = 1,
            |verdict: &mut Verdict| verdict.client_errors = 1,
            |verdict: &mut Verdict| verdict.undecided = 1,
        ] {
            let mut report = good();
            spoil(&mut report.verdict);
            assert!(!report.ok());
        }
    }

    #[test]
    fn json_has_the_documented_fields() {
        let json = good().json();
        assert_eq!(json["clock"], "icount");
        let update = &json["updates"][0];
        for field in [
            "from",
            "to",
            "result",
            "blackout_us",
            "client_gap_us",
            "in_flight",
            "resubmitted",
            "queued",
        ] {
            assert!(update.get(field).is_some(), "{field}");
        }
        assert_eq!(
            (&update["blackout_us"], &update["client_gap_us"]),
            (&json!(1.5), &Value::Null)
        );
        for field in ["requests", "bytes", "client_errors", "lost", "corrupt", "stale"] {
            assert!(json["totals"][field].is_u64(), "{field}");
        }
        assert_eq!(json["ok"], true);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let spread = Spread::of((1..=200).map(f64::from)).unwrap();
        assert_eq!(
            spread,
            Spread {
                p50: 100.0,
                p99: 198.0,
                worst: 200.0
            }
        );
        assert_eq!(
            Spread::of([7.0]).unwrap(),
            Spread {
                p50: 7.0,
                p99: 7.0,
                worst: 7.0
            }
        );
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn table_names_what_is_not_as_expected() {
        let mut report = good();
        assert!(!report.table().contains("NOT AS EXPECTED"));
        report.rows.push(Row::of(
            &record(Outcome::Refused(Reason::WrongClass { what: 1 })),
            Expected::Damaged,
        ));
        assert!(report.table().contains("refused: a driver of another class"));
        assert!(report.table().contains("<-- NOT AS EXPECTED"));
    }
}
