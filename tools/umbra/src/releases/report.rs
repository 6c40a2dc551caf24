//! What a run tells: a row per release, the totals, the table and the JSON.

use super::drive::{Driven, Phase};
use super::{Class, Release, Verdict};
use crate::ctl::table::Table;
use crate::demo::{Spread, words};
use control_protocol::record::Outcome;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The whole result.
#[derive(Clone, Debug)]
pub struct Report {
    /// What they are drivers of.
    pub class: Class,
    /// Releases, oldest first.
    pub releases: Vec<Release>,
    /// The one under which clients began.
    pub first: usize,
    /// Updates, in order.
    pub made: Vec<Driven>,
    /// Random pairs that are to be tried.
    pub pairs: Vec<(usize, usize)>,
    /// What clients say, and what they left behind.
    pub verdict: Verdict,
}

/// What is told of a release: of all updates to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What came of the update from its predecessor; for the oldest, from its successor. In words, with the reason.
    pub outcome: (&'static str, Option<String>),
    /// Updates to it.
    pub updates: usize,
    /// Of these, those after which it ran.
    pub applied: usize,
    /// Blackouts of those after which it ran, and their longest, in microseconds.
    pub blackout: Option<Spread>,
    /// Requests that failed in these updates and until the next.
    pub client_errors: u64,
}

impl Report {
    /// Everything ended as predicted, and nothing was lost.
    pub fn ok(&self) -> bool {
        let tried = self.of(Phase::Pair).count() == self.pairs.len();
        tried && self.made.iter().all(Driven::as_predicted) && self.verdict.holds()
    }

    fn of(&self, phase: Phase) -> impl Iterator<Item = &Driven> {
        self.made.iter().filter(move |one| one.phase == phase)
    }

    /// Pairs that ended like this.
    fn pairs_that(&self, ended: impl Fn(Outcome) -> bool) -> usize {
        self.of(Phase::Pair)
            .filter(|one| ended(one.installed.outcome))
            .count()
    }

    /// Of a way up or down: updates that were applied, and all.
    fn applied(&self, phase: Phase) -> (usize, usize) {
        let done = self
            .of(phase)
            .filter(|one| one.installed.outcome == Outcome::Done);
        (done.count(), self.of(phase).count())
    }

    fn row(&self, release: usize) -> Row {
        let to: Vec<&Driven> = self.made.iter().filter(|one| one.to == release).collect();
        let of_phase = |phase| to.iter().find(|one| one.phase == phase);
        let told = of_phase(Phase::Up).or_else(|| of_phase(Phase::Down));
        let applied = || to.iter().filter(|one| one.installed.running == Some(release));
        let blackouts = applied().filter_map(|one| one.installed.figures.blackout_ns);
        Row {
            outcome: told.map_or(("not tried", None), |one| words(one.installed.outcome)),
            updates: to.len(),
            applied: applied().count(),
            blackout: Spread::of(blackouts.map(|ns| ns as f64 / 1000.0)),
            client_errors: to.iter().map(|one| one.installed.client_errors).sum(),
        }
    }

    /// As documented for `--json`.
    pub fn json(&self) -> Value {
        let release = |(at, release): (usize, &Release)| {
            let row = self.row(at);
            json!({
                "version": release.version,
                "outcome": row.outcome.0,
                "reason": row.outcome.1,
                "updates": row.updates,
                "applied": row.applied,
                "blackout_us": row.blackout.map(|all| json!({ "p50": all.p50, "max": all.worst })),
                "client_errors": row.client_errors,
            })
        };
        let (up, all) = self.applied(Phase::Up);
        json!({
            "releases": self.releases.iter().enumerate().map(release).collect::<Vec<_>>(),
            "pairs": self.of(Phase::Pair).count(),
            "as_predicted": self.of(Phase::Pair).filter(|one| one.as_predicted()).count(),
            "applied": self.pairs_that(|outcome| outcome == Outcome::Done),
            "applied_oldest_to_newest_pct": percent(up, all),
            "refused": self.pairs_that(|outcome| matches!(outcome, Outcome::Refused(_))),
            "rolled_back": self.pairs_that(|outcome| matches!(outcome, Outcome::RolledBack(_))),
            "client_errors": self.verdict.client_errors,
            "lost": self.verdict.lost,
            "stale": self.verdict.stale,
        })
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let [own, depth] = self.class.columns();
        let mut table = Table::new([
            "release",
            own,
            depth,
            "from its predecessor",
            "updates",
            "applied",
            "blackout p50",
            "max",
            "client errors",
        ]);
        for (at, release) in self.releases.iter().enumerate() {
            let row = self.row(at);
            let time = |us: Option<f64>| us.map_or("-".into(), |us| format!("{us:.1} µs"));
            let (outcome, reason) = row.outcome;
            let [own, depth] = release
                .record
                .map_or(["-", "-"].map(String::from), |record| record.cells());
            table.row([
                release.version.clone(),
                own,
                depth,
                reason.map_or(outcome.into(), |reason| format!("{outcome}: {reason}")),
                row.updates.to_string(),
                row.applied.to_string(),
                time(row.blackout.map(|all| all.p50)),
                time(row.blackout.map(|all| all.worst)),
                row.client_errors.to_string(),
            ]);
        }
        let mut text = table.to_string();
        self.totals(&mut text);
        text
    }

    fn totals(&self, text: &mut String) {
        let first = &self.releases[self.first];
        let _ = writeln!(
            text,
            "clients began with {}, and were told of {}",
            first.version,
            first.record.map_or("nothing".into(), |record| record.told())
        );
        for (name, phase) in [("oldest to newest", Phase::Up), ("newest to oldest", Phase::Down)] {
            let (done, all) = self.applied(phase);
            let _ = writeln!(
                text,
                "{name}: {done} of {all} applied ({:.1} %)",
                percent(done, all)
            );
        }
        let forced = self.of(Phase::Way).filter(|one| one.forced).count();
        let _ = writeln!(
            text,
            "pairs: {} of {} tried, {} as predicted: {} applied, {} rolled back, {} refused; {} of {} ways to where one begins by force",
            self.of(Phase::Pair).count(),
            self.pairs.len(),
            self.of(Phase::Pair).filter(|one| one.as_predicted()).count(),
            self.pairs_that(|outcome| outcome == Outcome::Done),
            self.pairs_that(|outcome| matches!(outcome, Outcome::RolledBack(_))),
            self.pairs_that(|outcome| matches!(outcome, Outcome::Refused(_))),
            forced,
            self.of(Phase::Way).count(),
        );
        let verdict = &self.verdict;
        let _ = writeln!(
            text,
            "requests {}   client errors {}   lost {}   corrupt {}   stale {}   {}",
            verdict.requests,
            verdict.client_errors,
            verdict.lost,
            verdict.corrupt,
            verdict.stale,
            verdict.counted
        );
        for finding in self.findings() {
            let _ = writeln!(text, "  ! {finding}");
        }
    }

    /// What is not as it must be, in words.
    pub fn findings(&self) -> Vec<String> {
        let version = |at: usize| self.releases[at].version.as_str();
        let name = |at: Option<usize>| at.map_or("none of them", version);
        let odd = self.made.iter().filter(|one| !one.as_predicted()).map(|one| {
            let (outcome, reason) = words(one.installed.outcome);
            let predicted = one.forecast.words();
            format!(
                "{} → {}: predicted {predicted}; it was: {outcome} {}; {} ran, and {} runs",
                version(one.from),
                version(one.to),
                reason.unwrap_or_default(),
                name(one.installed.began),
                name(one.installed.running),
            )
        });
        let troubles = self.made.iter().flat_map(|one| {
            let before = version(one.from);
            let told = move |trouble: &String| format!("before {before} → {}: {trouble}", version(one.to));
            one.installed.troubles.iter().map(told)
        });
        odd.chain(troubles)
            .chain(self.verdict.findings.iter().cloned())
            .collect()
    }
}

fn percent(part: usize, all: usize) -> f64 {
    if all == 0 {
        return 0.0;
    }
    (part * 1000 / all) as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::drive::Installed;
    use super::super::{Forecast, Record};
    use super::*;
    use control_protocol::record::{Figures, Reason};
    use device_class::block::BlockCapabilities;

    fn report() -> Report {
        let release = |version: &str| Release {
            version: version.into(),
            record: Some(Record::Block(BlockCapabilities::default())),
        };
        let made = |phase, (from, to), forecast: Forecast| Driven {
            phase,
            from,
            to,
            forced: false,
            forecast,
            installed: Installed {
                began: Some(from),
                troubles: Vec::new(),
                outcome: forecast.outcome(),
                figures: Figures {
                    blackout_ns: Some(1500 * (1 + to as u64)),
                    ..Figures::default()
                },
                running: Some(if forecast == Forecast::Applied { to } else { from }),
                client_errors: 0,
            },
        };
        let (done, undone) = (Forecast::Applied, Forecast::RolledBack(8));
        Report {
            class: Class::Block,
            releases: ["1.0", "2.0", "3.0"].map(release).into(),
            first: 0,
            made: vec![
                made(Phase::Up, (0, 1), done),
                made(Phase::Up, (1, 2), undone),
                made(Phase::Pair, (1, 0), done),
                made(Phase::Pair, (0, 2), undone),
            ],
            pairs: vec![(1, 0), (0, 2)],
            verdict: Verdict {
                requests: 1,
                ..Verdict::default()
            },
        }
    }

    #[test]
    fn json_has_the_documented_keys_and_adds_up() {
        let json = report().json();
        let mut keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "applied",
                "applied_oldest_to_newest_pct",
                "as_predicted",
                "client_errors",
                "lost",
                "pairs",
                "refused",
                "releases",
                "rolled_back",
                "stale"
            ]
        );
        let numbers =
            ["pairs", "as_predicted", "applied", "rolled_back", "refused"].map(|key| json[key].as_u64());
        assert_eq!(numbers, [2, 2, 1, 1, 0].map(Some));
        assert_eq!(json["applied_oldest_to_newest_pct"], 50.0);
        assert_eq!(
            json["releases"][1]["blackout_us"],
            json!({ "p50": 3.0, "max": 3.0 })
        );
        assert_eq!(json["releases"][2]["outcome"], "rolled back");
        assert_eq!(json["releases"][2]["blackout_us"], Value::Null);
    }

    #[test]
    fn run_is_good_only_if_all_was_tried_and_ended_as_predicted() {
        assert!(report().ok());
        let mut odd = report();
        odd.made[3].installed.outcome = Outcome::RolledBack(Reason::BadReport);
        assert!(!odd.ok());
        assert!(
            odd.table().contains("1.0 → 3.0: predicted rolled back, lost 0x8"),
            "{}",
            odd.table()
        );
        let mut elsewhere = report();
        elsewhere.made[0].installed.running = Some(0);
        assert!(!elsewhere.ok(), "it says so, but another release runs");
        let mut short = report();
        short.made.pop();
        assert!(!short.ok());
        let mut stale = report();
        stale.verdict.stale = 1;
        assert!(!stale.ok());
    }
}
