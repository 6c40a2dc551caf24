//! What clients saw, undisturbed and while drivers were replaced: the table and the JSON.

use crate::demo::Spread;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Findings that are told.
const FINDINGS: usize = 20;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the whole body, as it should be.
    Whole,
    /// With a whole body, but another one.
    Corrupt(String),
    /// The connection was refused, reset or ended too early.
    Broken(String),
    /// Otherwise: a status that is not 200, no answer in time.
    Failed(String),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Sample {
    /// From beginning to end.
    pub took: Duration,
    /// The longest time in which nothing came, if that was watched.
    pub silence: Option<Duration>,
    /// How it ended.
    pub ending: Ending,
}

/// A part of the run.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    /// Its length.
    pub seconds: f64,
    /// Requests that ended.
    pub requests: u64,
    /// Those that did not bring the whole body.
    pub failed: u64,
    /// Those of them whose connection broke.
    pub resets: u64,
    /// Bodies that were others.
    pub corrupt: u64,
    /// What failed, in words.
    pub findings: Vec<String>,
    silences: Vec<f64>,
    took: Vec<f64>,
}

impl Phase {
    /// Counts a request.
    pub fn add(&mut self, sample: &Sample) {
        self.requests += 1;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        self.took.push(ms(sample.took));
        self.silences.extend(sample.silence.map(ms));
        let said = match &sample.ending {
            Ending::Whole => return,
            Ending::Corrupt(said) => {
                self.corrupt += 1;
                said
            }
            Ending::Broken(said) => {
                self.resets += 1;
                self.failed += 1;
                said
            }
            Ending::Failed(said) => {
                self.failed += 1;
                said
            }
        };
        if self.findings.len() < FINDINGS {
            self.findings.push(said.clone());
        }
    }

    /// There were requests, and no client noticed anything.
    pub fn holds(&self) -> bool {
        self.requests > 0 && (self.failed, self.resets, self.corrupt) == (0, 0, 0)
    }

    fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "requests": self.requests,
            "stall_ms": spread(&self.silences),
            "request_ms": spread(&self.took),
        })
    }
}

fn spread(values: &[f64]) -> Option<Value> {
    Spread::of(values.iter().copied())
        .map(|Spread { p50, p99, worst }| json!({ "p50": p50, "p99": p99, "longest": worst }))
}

/// What was done to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another release came.
    Update,
    /// The one before came back.
    Rollback,
    /// It was killed.
    Kill,
    /// It hung, and was found.
    Hang,
}

const CHANGES: [(Change, &str); 4] = [
    (Change::Update, "updates"),
    (Change::Rollback, "rollbacks"),
    (Change::Kill, "kills"),
    (Change::Hang, "hangs"),
];

/// The whole run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Before anything was done.
    pub undisturbed: Phase,
    /// While drivers were replaced.
    pub disturbed: Phase,
    /// What was done, and for how many milliseconds the device served nobody.
    pub changes: Vec<(Change, Option<f64>)>,
    /// Kept connections that had to be made anew.
    pub reconnects: u64,
    /// Why the run could not go on.
    pub findings: Vec<String>,
}

impl Figures {
    /// Everything held.
    pub fn ok(&self) -> bool {
        self.undisturbed.holds() && self.disturbed.holds() && self.reconnects == 0 && self.findings.is_empty()
    }

    fn of(&self, which: Change) -> impl Iterator<Item = Option<f64>> + use<'_> {
        let those = self.changes.iter().filter(move |(change, _)| *change == which);
        those.map(|(_, blackout)| *blackout)
    }

    /// As documented for `--json`.
    pub fn json(&self) -> Value {
        let phases = [&self.undisturbed, &self.disturbed];
        let sum = |part: fn(&Phase) -> u64| phases.map(part).iter().sum::<u64>();
        let blackouts = CHANGES.map(|(change, name)| {
            let values: Vec<f64> = self.of(change).flatten().collect();
            (name.to_owned(), spread(&values).unwrap_or(Value::Null))
        });
        json!({
            "requests": sum(|phase| phase.requests),
            "failed_requests": sum(|phase| phase.failed),
            "resets": sum(|phase| phase.resets),
            "corrupt_bodies": sum(|phase| phase.corrupt),
            "reconnects": self.reconnects,
            "updates": self.of(Change::Update).count(),
            "rollbacks": self.of(Change::Rollback).count(),
            "kills": self.of(Change::Kill).count(),
            "hangs": self.of(Change::Hang).count(),
            "blackout_ms": Value::Object(blackouts.into_iter().collect()),
            "undisturbed": self.undisturbed.json(),
            "disturbed": self.disturbed.json(),
            "findings": phases.iter().flat_map(|phase| &phase.findings).chain(&self.findings).collect::<Vec<_>>(),
            "ok": self.ok(),
        })
    }

    /// The table for people. Times are the host's.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<12}{:>9}{:>8}{:>8}{:>9}{:>12}{:>12}{:>12}{:>12}\n",
            "", "requests", "failed", "resets", "corrupt", "requests/s", "stall p50", "p99", "longest"
        );
        for (name, phase) in [("undisturbed", &self.undisturbed), ("disturbed", &self.disturbed)] {
            let Phase {
                requests,
                failed,
                resets,
                corrupt,
                seconds,
                ..
            } = phase;
            let rate = *requests as f64 / seconds.max(1e-9);
            let _ = write!(
                text,
                "{name:<12}{requests:>9}{failed:>8}{resets:>8}{corrupt:>9}{rate:>12.1}"
            );
            if let Some(Spread { p50, p99, worst }) = Spread::of(phase.silences.iter().copied()) {
                let _ = write!(text, "{:>12}{:>12}{:>12}", ms(p50), ms(p99), ms(worst));
            }
            text.push('\n');
        }
        for (change, name) in CHANGES {
            let count = self.of(change).count();
            let _ = write!(text, "{name:<12}{count:>9}");
            if let Some(Spread { p50, p99, worst }) = Spread::of(self.of(change).flatten()) {
                let _ = write!(
                    text,
                    "   blackout p50 {}   p99 {}   longest {}",
                    ms(p50),
                    ms(p99),
                    ms(worst)
                );
            }
            text.push('\n');
        }
        let _ = writeln!(text, "kept connections made anew: {}", self.reconnects);
        let phases = [&self.undisturbed, &self.disturbed];
        for finding in phases
            .iter()
            .flat_map(|phase| &phase.findings)
            .chain(&self.findings)
        {
            let _ = writeln!(text, "  ! {finding}");
        }
        text
    }
}

fn ms(value: f64) -> String {
    format!("{value:.1} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ending: Ending) -> Sample {
        Sample {
            took: Duration::from_millis(7),
            silence: Some(Duration::from_millis(3)),
            ending,
        }
    }

    fn run(ending: Ending) -> Figures {
        let mut figures = Figures::default();
        figures.undisturbed.add(&sample(Ending::Whole));
        figures.disturbed.add(&sample(ending));
        figures.changes = vec![(Change::Update, Some(0.5)), (Change::Hang, Some(1000.0))];
        figures
    }

    #[test]
    fn whatever_a_client_noticed_is_counted_and_is_not_ok() {
        assert!(run(Ending::Whole).ok());
        let counts = |ending| {
            let figures = run(ending);
            let json = figures.json();
            let count = |key: &str| json[key].as_u64().expect("a number");
            assert!(!figures.ok() && json["ok"] == false && figures.table().contains("  ! why"));
            assert_eq!(json["findings"], json!(["why"]));
            (count("failed_requests"), count("resets"), count("corrupt_bodies"))
        };
        assert_eq!(counts(Ending::Failed("why".into())), (1, 0, 0));
        assert_eq!(counts(Ending::Broken("why".into())), (1, 1, 0));
        assert_eq!(counts(Ending::Corrupt("why".into())), (0, 0, 1));
    }

    #[test]
    fn connection_that_was_made_anew_is_noticed_too() {
        let mut figures = run(Ending::Whole);
        figures.reconnects = 1;
        assert!(!figures.ok());
    }

    #[test]
    fn run_without_requests_shows_nothing() {
        let mut figures = run(Ending::Whole);
        figures.disturbed = Phase::default();
        assert!(!figures.ok());
    }

    #[test]
    fn changes_are_counted_by_kind_with_their_blackouts() {
        let json = run(Ending::Whole).json();
        assert_eq!([&json["updates"], &json["kills"], &json["hangs"]], [1, 0, 1]);
        assert_eq!(json["blackout_ms"]["hangs"]["longest"], 1000.0);
        assert_eq!(json["disturbed"]["stall_ms"]["p99"], 3.0);
    }
}
