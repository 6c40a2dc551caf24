//! What to start after a driver failed: the same version, then the last good one, then nothing.

use heapless::Deque;

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

/// Failures of one device's drivers.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    recent: Deque<u64, TOO_MANY>,
    /// The last good package was put in already; there is nothing to go back to any more.
    fell_back: bool,
}

impl core::hash::Hash for Failures {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        let Self { recent, fell_back } = self;
        (recent.len(), fell_back).hash(state);
        recent.iter().for_each(|at| at.hash(state));
    }
}

impl Failures {
    /// A driver failed.
    pub fn count(&mut self, now: u64) {
        if self.recent.is_full() {
            self.recent.pop_front();
        }
        // There is room by the line above.
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

    /// What to do, given what ran and what ran well before it.
    pub fn choose(&mut self, now: u64, window: u64, current: Option<u8>, last_good: Option<u8>) -> Choice {
        let recent = self
            .recent
            .iter()
            .filter(|at| now.saturating_sub(**at) <= window)
            .count();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_version_is_started_until_it_failed_too_often() {
        let mut failures = Failures::default();
        for at in 0..2 {
            failures.count(at);
            assert_eq!(failures.choose(at, 100, Some(1), Some(2)), Choice::Restart(1));
        }
        failures.count(2);
        assert_eq!(failures.choose(2, 100, Some(1), Some(2)), Choice::LastGood(2));
    }

    #[test]
    fn last_good_version_gets_as_many_tries_and_then_nothing_is_started() {
        let mut failures = Failures::default();
        (0..3).for_each(|at| failures.count(at));
        assert_eq!(failures.choose(2, 100, Some(1), Some(2)), Choice::LastGood(2));
        (3..5).for_each(|at| failures.count(at));
        assert_eq!(failures.choose(4, 100, Some(2), Some(1)), Choice::Restart(2));
        failures.count(5);
        assert_eq!(failures.choose(5, 100, Some(2), Some(1)), Choice::Offline);
    }

    #[test]
    fn failures_outside_the_window_do_not_count() {
        let mut failures = Failures::default();
        for at in [0, 1000, 2000, 3000] {
            failures.count(at);
            assert_eq!(failures.choose(at, 100, Some(1), None), Choice::Restart(1));
        }
    }

    #[test]
    fn nothing_to_restart_is_offline() {
        assert_eq!(Failures::default().choose(0, 1, None, Some(1)), Choice::Offline);
    }
}
