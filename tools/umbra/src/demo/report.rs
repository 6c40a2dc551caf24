//! What the demo tells: a row per driver that came or went, what was found of each disk, the totals, and the JSON.

use crate::ctl::text;
use crate::disk::Verdict;
use control_protocol::record::{Figures, Outcome, PackageLabel, Reason, Record, State};
use serde_json::{Value, json};

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
    /// Refused before anything was touched, because it is a driver of other devices.
    Foreign,
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
            Self::Foreign => matches!(outcome, Outcome::Refused(Reason::WrongDevice { .. })),
            Self::CapabilityLost => matches!(outcome, Outcome::RolledBack(Reason::CapabilityLost { .. })),
            Self::Faulted => matches!(outcome, Outcome::RolledBack(Reason::Fault { .. })),
        }
    }
}

/// A row: one transaction.
#[derive(Clone, Debug)]
pub struct Row {
    /// Device.
    pub device: String,
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
    pub fn of(device: &str, record: &Record, expected: Expected) -> Self {
        let (result, ok) = match record.state {
            State::Done(outcome) => (line(outcome), expected.is_met_by(outcome)),
            state => (format!("unfinished: {state:?}"), false),
        };
        Self {
            device: device.to_owned(),
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
            "device": self.device,
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
                "before": step(self.figures.before_ns),
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

pub(super) fn micros(ns: Option<u64>) -> Option<f64> {
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
        Reason::WrongDevice { .. } => "a driver of other devices".into(),
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
    /// What disks and clients say.
    pub disks: Vec<Checked>,
}

/// A disk and its clients, at the end.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Device.
    pub device: String,
    /// What they say.
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
    /// Everything held, on every disk.
    pub fn ok(&self) -> bool {
        let held = |disk: &Checked| self.of(&disk.device).next().is_some() && disk.verdict.holds();
        self.rows.iter().all(|row| row.ok) && !self.disks.is_empty() && self.disks.iter().all(held)
    }

    /// The rows of a device.
    fn of(&self, device: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.device == device)
    }

    /// As documented for `--json`: `totals` are of all disks, `devices` has each one's.
    pub fn json(&self) -> Value {
        let devices = self.disks.iter().map(|disk| {
            let mut json = totals(std::slice::from_ref(disk));
            json["device"] = json!(disk.device);
            json["blackout_us"] = spread(self.blackouts(&disk.device));
            json["client_gap_us"] = spread(self.client_gaps(&disk.device));
            json
        });
        json!({
            "clock": self.clock.name(),
            "updates": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "totals": totals(&self.disks),
            "devices": devices.collect::<Vec<_>>(),
            "ok": self.ok(),
        })
    }

    /// Blackouts of the rows in which a device changed hands.
    pub fn blackouts(&self, device: &str) -> Option<Spread> {
        Spread::of(self.of(device).filter_map(|row| micros(row.figures.blackout_ns)))
    }

    /// Client gaps of all of a device's rows.
    pub fn client_gaps(&self, device: &str) -> Option<Spread> {
        Spread::of(
            self.of(device)
                .filter_map(|row| micros(row.figures.client_gap_ns)),
        )
    }
}

fn totals(disks: &[Checked]) -> Value {
    let sum = |part: fn(&Verdict) -> u64| disks.iter().map(|disk| part(&disk.verdict)).sum::<u64>();
    json!({
        "requests": sum(|verdict| verdict.requests),
        "bytes": sum(|verdict| verdict.bytes),
        "client_errors": sum(|verdict| verdict.client_errors),
        "lost": sum(|verdict| verdict.lost),
        "corrupt": sum(|verdict| verdict.corrupt),
        "stale": sum(|verdict| verdict.stale),
    })
}

fn spread(spread: Option<Spread>) -> Value {
    spread.map_or(
        Value::Null,
        |Spread { p50, p99, worst }| json!({ "p50": p50, "p99": p99, "max": worst }),
    )
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
            rows: vec![Row::of("disk0", &record(Outcome::Done), Expected::Done)],
            disks: vec![Checked {
                device: "disk0".into(),
                verdict,
            }],
        }
    }

    #[test]
    fn each_step_has_one_outcome_that_is_right() {
        let outcomes = [
            (Expected::Done, Outcome::Done),
            (Expected::Damaged, Outcome::Refused(Reason::Damaged { detail: 1 })),
            (
                Expected::Foreign,
                Outcome::Refused(Reason::WrongDevice { why: 1 }),
            ),
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
        report.rows.push(Row::of(
            "disk0",
            &record(Outcome::Offline(Reason::Budget)),
            Expected::Done,
        ));
        assert!(!report.ok());
        let mut report = good();
        report.rows.clear();
        assert!(!report.ok(), "nothing was done");
        let mut report = good();
        let mut second = report.disks[0].clone();
        second.device = "disk1".into();
        report.disks.push(second);
        assert!(!report.ok(), "nothing was done to the second disk");
        for spoil in [
            |verdict: &mut Verdict| verdict.lost = 1,
            |verdict: &mut Verdict| verdict.stale = 1,
            |verdict: &mut Verdict| verdict.corrupt = 1,
            |verdict: &mut Verdict| verdict.client_errors = 1,
            |verdict: &mut Verdict| verdict.undecided = 1,
        ] {
            let mut report = good();
            spoil(&mut report.disks[0].verdict);
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
        assert_eq!(update["device"], "disk0");
        let disk = &json["devices"][0];
        assert_eq!((&disk["device"], &disk["requests"]), (&json!("disk0"), &json!(1)));
        assert_eq!(disk["blackout_us"]["p50"], 1.5);
    }

    #[test]
    fn totals_are_of_all_disks() {
        let mut report = good();
        report.disks.push(Checked {
            device: "disk1".into(),
            verdict: Verdict {
                requests: 4,
                stale: 3,
                ..Verdict::default()
            },
        });
        let json = report.json();
        assert_eq!(
            (&json["totals"]["requests"], &json["totals"]["stale"]),
            (&json!(5), &json!(3))
        );
        assert_eq!(
            (&json["devices"][1]["stale"], &json["devices"][0]["stale"]),
            (&json!(3), &json!(0))
        );
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
}
