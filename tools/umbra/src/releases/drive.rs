//! The order of updates, and what must come of each.

use super::{Forecast, Release, forecast};
use anyhow::{Context, Result};
use control_protocol::record::{Figures, Outcome};
use control_protocol::request::Policy;

/// A device under load whose driver can be replaced.
pub trait Device {
    /// Updates to a release and waits until the device is at rest again, and its clients have been served for a while.
    fn install(&mut self, release: usize, policy: Policy) -> Result<Installed>;
}

/// What came of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// The release that ran when it began; `None`: none of them.
    pub began: Option<usize>,
    /// What happened to the driver by itself since the update before, in words.
    pub troubles: Vec<String>,
    /// As control recorded it.
    pub outcome: Outcome,
    /// As control recorded them.
    pub figures: Figures,
    /// The release that runs now; `None`: none of them.
    pub running: Option<usize>,
    /// Requests of clients that failed since the update before.
    pub client_errors: u64,
}

/// Why an update is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Oldest to newest.
    Up,
    /// Newest to oldest.
    Down,
    /// A random pair.
    Pair,
    /// To get to where the next one begins.
    Way,
}

/// An update that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// Why.
    pub phase: Phase,
    /// Release that ran.
    pub from: usize,
    /// Release that was to run.
    pub to: usize,
    /// Under `force`, because the default policy would undo it.
    pub forced: bool,
    /// What must come of it.
    pub forecast: Forecast,
    /// What came of it.
    pub installed: Installed,
}

impl Driven {
    /// It ended as was said before.
    pub fn as_predicted(&self) -> bool {
        let left = match self.forecast {
            Forecast::Applied => self.to,
            Forecast::RolledBack(_) | Forecast::Hangs => self.from,
        };
        let Installed {
            began,
            outcome,
            running,
            ..
        } = self.installed;
        began == Some(self.from) && outcome == self.forecast.outcome() && running == Some(left)
    }
}

/// How far a run is, in words.
pub type Progress<'a> = &'a mut dyn FnMut(String);

/// All releases up and down again, then the pairs, on a device that runs release `first`, under which its clients began. Each
/// update leaves an entry in `made`, also if a later one fails.
///
/// # Errors
/// It cannot go on: the machine is gone, a deadline passed, or the device is offline. An update that ended otherwise than
/// predicted is no error, but its entry says so.
pub fn drive(
    releases: &[Release],
    first: usize,
    pairs: &[(usize, usize)],
    device: &mut impl Device,
    say: Progress<'_>,
    made: &mut Vec<Driven>,
) -> Result<()> {
    let mut run = Run {
        releases,
        first,
        running: first,
        device,
        say,
        made,
    };
    let (last, comes_up) = (releases.len().saturating_sub(1), |at: &usize| {
        releases[*at].record.is_some()
    });
    // Nobody comes from a release that does not come up, but from the one next to it.
    for to in 1..=last {
        if let Some(from) = (0..to).rev().find(comes_up) {
            run.go_to(from)?;
            run.update(Phase::Up, to, &format!("oldest to newest, {to} of {last}"))?;
        }
    }
    for to in (0..last).rev() {
        if let Some(from) = (to + 1..=last).find(comes_up) {
            run.go_to(from)?;
            let number = last - to;
            run.update(Phase::Down, to, &format!("newest to oldest, {number} of {last}"))?;
        }
    }
    for (number, &(from, to)) in pairs.iter().enumerate() {
        run.go_to(from)?;
        run.update(
            Phase::Pair,
            to,
            &format!("pair {} of {}", number + 1, pairs.len()),
        )?;
    }
    Ok(())
}

struct Run<'a, D> {
    releases: &'a [Release],
    first: usize,
    running: usize,
    device: &'a mut D,
    say: Progress<'a>,
    made: &'a mut Vec<Driven>,
}

impl<D: Device> Run<'_, D> {
    /// Gets to a release, by force if need be.
    fn go_to(&mut self, release: usize) -> Result<()> {
        // An update that must not end so, but does, must not keep us here for ever.
        for _ in 0..2 {
            if self.running == release {
                return Ok(());
            }
            self.update(Phase::Way, release, "on the way")?;
        }
        anyhow::ensure!(
            self.running == release,
            "{} cannot be reached",
            self.releases[release].version
        );
        Ok(())
    }

    fn forecast(&self, from: usize, to: usize) -> Result<Forecast> {
        let release = |at: usize| &self.releases[at];
        let runs = |at: usize| {
            release(at)
                .record
                .as_ref()
                .with_context(|| format!("{} runs", release(at).version))
        };
        let (told, from) = (runs(self.first)?, runs(from)?);
        let to = release(to).record.as_ref();
        Ok(to.map_or(Forecast::Hangs, |to| forecast(told, from, to)))
    }

    fn update(&mut self, phase: Phase, to: usize, text: &str) -> Result<()> {
        let from = self.running;
        let honest = self.forecast(from, to)?;
        let forced = phase == Phase::Way && honest != Forecast::Applied;
        let (policy, forecast) = if forced {
            (Policy::Force, Forecast::Applied)
        } else {
            (Policy::Refuse, honest)
        };
        let version = |at: usize| &self.releases[at].version;
        let what = format!(
            "{} → {}{} ({text})",
            version(from),
            version(to),
            if forced { " by force" } else { "" }
        );
        (self.say)(what.clone());
        let installed = self.device.install(to, policy).with_context(|| what.clone())?;
        let (outcome, running) = (installed.outcome, installed.running);
        self.made.push(Driven {
            phase,
            from,
            to,
            forced,
            forecast,
            installed,
        });
        self.running =
            running.with_context(|| format!("{what}: {outcome:?}, and none of the releases runs"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;
    use control_protocol::record::Reason;
    use device_class::block::{BlockCapabilities, CAP_FLUSH, CAP_WRITE_BACK};

    /// A disk that does what records say, but for one pair.
    struct Fake {
        releases: Vec<Release>,
        running: usize,
        odd: Option<(usize, usize)>,
        tries: usize,
    }

    impl Device for Fake {
        fn install(&mut self, to: usize, policy: Policy) -> Result<Installed> {
            self.tries += 1;
            let began = Some(self.running);
            let record = |at: usize| self.releases[at].record.as_ref();
            let Some(new) = record(to) else {
                return Ok(Installed {
                    began,
                    troubles: Vec::new(),
                    outcome: Outcome::RolledBack(Reason::ProbeDeadline),
                    figures: Figures::default(),
                    running: began,
                    client_errors: 0,
                });
            };
            let lost = record(self.running).unwrap().lost(new);
            let mut undone = lost != 0 && policy == Policy::Refuse;
            undone ^= self.odd == Some((self.running, to));
            if !undone {
                self.running = to;
            }
            let lost = Reason::CapabilityLost { fields: lost.into() };
            Ok(Installed {
                began,
                troubles: Vec::new(),
                outcome: if undone {
                    Outcome::RolledBack(lost)
                } else {
                    Outcome::Done
                },
                figures: Figures::default(),
                running: Some(self.running),
                client_errors: 0,
            })
        }
    }

    /// Two releases that write through, then two with a cache.
    fn fake() -> Fake {
        let release = |flags| Release {
            version: String::new(),
            record: Some(Record::Block(BlockCapabilities {
                capacity: 100,
                block_size: 512,
                flags,
                max_transfer: 8,
                queue_depth: 1,
            })),
        };
        let (through, back) = (CAP_FLUSH, CAP_FLUSH | CAP_WRITE_BACK);
        Fake {
            releases: [through, through, back, back].map(release).into(),
            running: 0,
            odd: None,
            tries: 0,
        }
    }

    fn driven(fake: &mut Fake, pairs: &[(usize, usize)]) -> (Vec<Driven>, Result<()>) {
        let (releases, mut made) = (fake.releases.clone(), Vec::new());
        let result = drive(&releases, 0, pairs, fake, &mut |_| {}, &mut made);
        (made, result)
    }

    #[test]
    fn each_neighbour_and_each_pair_is_tried_from_where_it_begins() {
        let pairs = [(1, 3), (3, 0), (0, 1), (2, 3)];
        let (made, result) = driven(&mut fake(), &pairs);
        result.unwrap();
        let steps = |phase| {
            let of_phase = made.iter().filter(|one| one.phase == phase);
            of_phase.map(|one| (one.from, one.to)).collect::<Vec<_>>()
        };
        assert_eq!(steps(Phase::Up), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(steps(Phase::Down), [(3, 2), (2, 1), (1, 0)]);
        assert_eq!(steps(Phase::Pair), pairs);
        assert!(made.iter().all(Driven::as_predicted), "{made:?}");
        let forced: Vec<_> = made
            .iter()
            .filter(|one| one.forced)
            .map(|one| one.phase)
            .collect();
        assert_eq!(forced, [Phase::Way; 3], "1 to 2, 1 to 3, 1 to 2");
    }

    #[test]
    fn pair_that_ends_otherwise_is_named_and_the_rest_is_tried() {
        for odd in [(1, 3), (3, 0)] {
            let mut fake = Fake {
                odd: Some(odd),
                ..fake()
            };
            let (made, result) = driven(&mut fake, &[(1, 3), (3, 0), (2, 1)]);
            result.unwrap();
            let wrong: Vec<_> = made
                .iter()
                .filter(|one| !one.as_predicted())
                .map(|one| (one.from, one.to))
                .collect();
            assert_eq!(wrong, [odd]);
            assert_eq!(made.iter().filter(|one| one.phase == Phase::Pair).count(), 3);
        }
    }

    #[test]
    fn release_that_does_not_come_up_is_tried_and_never_begun_with() {
        for hangs in [0, 1, 3] {
            let mut fake = fake();
            fake.releases[hangs].record = None;
            fake.running = if hangs == 0 { 1 } else { 0 };
            let (releases, first, mut made) = (fake.releases.clone(), fake.running, Vec::new());
            drive(&releases, first, &[(2, hangs)], &mut fake, &mut |_| {}, &mut made).unwrap();
            assert!(made.iter().all(Driven::as_predicted), "{made:?}");
            assert!(made.iter().all(|one| one.from != hangs), "{made:?}");
            let tried = made.iter().filter(|one| one.forecast == Forecast::Hangs);
            assert!(tried.count() >= 2, "{made:?}");
        }
    }

    #[test]
    fn release_that_cannot_be_reached_ends_the_run() {
        // Up from 0 to 1 fails, and so does the way there.
        let mut fake = Fake {
            odd: Some((0, 1)),
            ..fake()
        };
        let (made, result) = driven(&mut fake, &[]);
        assert!(result.is_err());
        assert_eq!((made.len(), fake.tries), (3, 3));
    }
}
