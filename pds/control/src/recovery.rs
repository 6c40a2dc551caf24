//! What to start after a driver failed: the same version, then the last good one, then nothing.

use control_protocol::record::Reason;
use control_protocol::reply::MAX_TRIED;
use heapless::Deque;

use crate::state::{NO_PACKAGE, REASON, SavedFailures, SavedTried};

/// So many failures within a window, and the version is not started again.
pub const TOO_MANY: usize = 3;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Start the same package again.
    Restart(u8),
    /// Start the package that was good before.
    LastGood(u8),
    /// Start nothing.
    Offline,
}

/// A package whose drivers failed, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Store slot.
    pub package: Option<u8>,
    /// How many failed.
    pub times: u32,
    /// When the last one did.
    pub last: u64,
    /// Why it did.
    pub reason: Reason,
}

/// Failures of one device's drivers.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    recent: Deque<u64, TOO_MANY>,
    /// What failed since the operator last put in a driver, for him to see.
    tried: Deque<Tried, MAX_TRIED>,
    /// The last good package was put in already; there is nothing to go back to any more.
    fell_back: bool,
}

impl core::hash::Hash for Failures {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        let Self {
            recent,
            fell_back,
            tried: _,
        } = self;
        (recent.len(), fell_back).hash(state);
        recent.iter().for_each(|at| at.hash(state));
    }
}

impl Failures {
    /// A driver of this package failed.
    pub fn count(&mut self, now: u64, package: Option<u8>, reason: Reason) {
        let times = match self.tried.back() {
            Some(last) if last.package == package => self.tried.pop_back().map_or(0, |last| last.times),
            _ => 0,
        };
        if self.tried.is_full() {
            self.tried.pop_front();
        }
        // There is room by the lines above; so there is below.
        let _ = self.tried.push_back(Tried {
            package,
            times: times.saturating_add(1),
            last: now,
            reason,
        });
        if self.recent.is_full() {
            self.recent.pop_front();
        }
        let _ = self.recent.push_back(now);
    }

    /// A new version was put in on purpose: it starts with a clean slate.
    pub fn forgive(&mut self) {
        *self = Self::default();
    }

    /// Whether the last good package was put in by [`choose`](Self::choose).
    pub fn fell_back(&self) -> bool {
        self.fell_back
    }

    /// What failed, in the order in which it was tried.
    pub fn tried(&self) -> impl Iterator<Item = &Tried> {
        self.tried.iter()
    }

    /// What a successor of control must know of them.
    pub fn save(&self) -> SavedFailures {
        let mut saved = SavedFailures {
            count: self.recent.len() as u32,
            fell_back: self.fell_back.into(),
            ..SavedFailures::default()
        };
        for (to, from) in saved.recent.iter_mut().zip(&self.recent) {
            *to = *from;
        }
        for (to, from) in saved.tried.iter_mut().zip(&self.tried) {
            let mut reason = [0; REASON];
            // Every reason fits (tested below); one that did not would be forgotten.
            let times = postcard::to_slice(&from.reason, &mut reason).map_or(0, |_| from.times);
            *to = SavedTried {
                last: from.last,
                package: from.package.map_or(NO_PACKAGE, u32::from),
                times,
                reason,
            };
        }
        saved
    }

    /// What a predecessor saved.
    pub fn restore(saved: &SavedFailures) -> Self {
        let mut failures = Self {
            fell_back: saved.fell_back == 1,
            ..Self::default()
        };
        // As many as there is room for, both times.
        for at in saved.recent.iter().take(saved.count as usize) {
            let _ = failures.recent.push_back(*at);
        }
        for tried in saved.tried.iter().filter(|tried| tried.times != 0) {
            if let Ok(reason) = postcard::from_bytes(&tried.reason) {
                let _ = failures.tried.push_back(Tried {
                    package: u8::try_from(tried.package).ok(),
                    times: tried.times,
                    last: tried.last,
                    reason,
                });
            }
        }
        failures
    }

    fn recent(&self, now: u64, window: u64) -> usize {
        self.recent
            .iter()
            .filter(|at| now.saturating_sub(**at) <= window)
            .count()
    }

    /// How long to wait with what was chosen, in the unit of `pause`: not at all after the first failure, `pause` after the
    /// second, and twice as long each time after that.
    pub fn back_off(&self, now: u64, window: u64, pause: u64) -> u64 {
        match self.recent(now, window) {
            0 | 1 => 0,
            failures => pause.saturating_mul(1 << (failures - 2)),
        }
    }

    /// What to do, given what ran and what ran well before it.
    pub fn choose(&mut self, now: u64, window: u64, current: Option<u8>, last_good: Option<u8>) -> Choice {
        let recent = self.recent(now, window);
        let Some(current) = current else {
            return Choice::Offline;
        };
        if recent < TOO_MANY {
            return Choice::Restart(current);
        }
        match last_good {
            Some(good) if good != current && !self.fell_back => {
                self.recent.clear();
                self.fell_back = true;
                Choice::LastGood(good)
            }
            _ => Choice::Offline,
        }
    }

    /// What to do when `refused` may not be started, given what ran and what ran well before it: not even the last good package is
    /// tried twice.
    pub fn choose_without(
        &mut self,
        refused: Option<u8>,
        current: Option<u8>,
        last_good: Option<u8>,
    ) -> Choice {
        match last_good {
            Some(good) if ![refused, current].contains(&Some(good)) && !self.fell_back => {
                self.recent.clear();
                self.fell_back = true;
                Choice::LastGood(good)
            }
            _ => Choice::Offline,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    fn fail(failures: &mut Failures, at: u64) {
        failures.count(at, Some(1), Reason::RequestDeadline);
    }

    #[test]
    fn restarts_come_at_once_and_then_ever_later() {
        let mut failures = Failures::default();
        let pauses = [0, 1, 2].map(|at| {
            fail(&mut failures, at);
            failures.back_off(at, 100, 10)
        });
        assert_eq!(pauses, [0, 10, 20]);
        assert_eq!(failures.back_off(1000, 100, 10), 0, "long ago");
    }

    #[test]
    fn what_was_tried_is_told_by_package() {
        let mut failures = Failures::default();
        for (at, package) in [1, 1, 2, 1, 3].into_iter().enumerate() {
            failures.count(at as u64, Some(package), Reason::Heartbeat);
        }
        let told: Vec<_> = failures
            .tried()
            .map(|one| (one.package, one.times, one.last))
            .collect();
        assert_eq!(told, [(Some(2), 1, 2), (Some(1), 1, 3), (Some(3), 1, 4)]);
        failures.forgive();
        assert_eq!(failures.tried().count(), 0);
    }

    #[test]
    fn same_version_is_started_until_it_failed_too_often() {
        let mut failures = Failures::default();
        for at in 0..2 {
            fail(&mut failures, at);
            assert_eq!(failures.choose(at, 100, Some(1), Some(2)), Choice::Restart(1));
        }
        fail(&mut failures, 2);
        assert_eq!(failures.choose(2, 100, Some(1), Some(2)), Choice::LastGood(2));
    }

    #[test]
    fn last_good_version_gets_as_many_tries_and_then_nothing_is_started() {
        let mut failures = Failures::default();
        (0..3).for_each(|at| fail(&mut failures, at));
        assert_eq!(failures.choose(2, 100, Some(1), Some(2)), Choice::LastGood(2));
        (3..5).for_each(|at| fail(&mut failures, at));
        assert_eq!(failures.choose(4, 100, Some(2), Some(1)), Choice::Restart(2));
        fail(&mut failures, 5);
        assert_eq!(failures.choose(5, 100, Some(2), Some(1)), Choice::Offline);
    }

    #[test]
    fn failures_outside_the_window_do_not_count() {
        let mut failures = Failures::default();
        for at in [0, 1000, 2000, 3000] {
            fail(&mut failures, at);
            assert_eq!(failures.choose(at, 100, Some(1), None), Choice::Restart(1));
        }
    }

    #[test]
    fn failures_outlive_control() {
        let most = u64::MAX;
        let longest = Reason::Fault {
            label: most,
            address: most,
            pc: most,
        };
        let mut failures = Failures::default();
        for (at, package) in [(1, Some(1)), (2, Some(1)), (3, None), (most, Some(255))] {
            failures.count(at, package, longest);
        }
        failures.choose(most, most, Some(1), Some(2));
        failures.count(7, Some(2), Reason::Heartbeat);
        let restored = Failures::restore(&failures.save());
        assert_eq!(restored.recent, failures.recent);
        assert_eq!(restored.tried, failures.tried);
        assert_eq!(restored.fell_back, failures.fell_back);
        assert_eq!(restored.tried.len(), MAX_TRIED);
    }

    #[test]
    fn nothing_to_restart_is_offline() {
        assert_eq!(Failures::default().choose(0, 1, None, Some(1)), Choice::Offline);
    }
}
