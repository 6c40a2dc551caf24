//! When building a driver must not wait for clients.
//!
//! The stager runs below all clients, so that staging costs them nothing. But while a device has no driver, clients of *other* devices
//! would decide how long its own have to wait; and clients that never rest would decide that no driver is ever replaced.

use crate::chunks::{CHUNK_PAGES, QUIET_PAGES};

/// Budget and period of a stager with an overdue job, in microseconds.
const OVERDUE: (u64, u64) = (5_000, 20_000);

/// How a thread is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// Priority.
    pub priority: u8,
    /// Microseconds of the processor that it may use within `period_us`.
    pub budget_us: u64,
    /// The time after which it gets them again, in microseconds.
    pub period_us: u64,
}

/// What the stager is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Urgency {
    /// Devices that had a driver and wait for another: a bit for each slot.
    bereft: u64,
    /// Those for which it takes too long to build one.
    overdue: u64,
}

impl Urgency {
    /// The slot's driver was cut.
    pub fn cut(&mut self, slot: usize) {
        self.bereft |= bit(slot);
    }

    /// A driver of the slot was started.
    pub fn started(&mut self, slot: usize) {
        self.bereft &= !bit(slot);
    }

    /// The stager's job for the slot takes too long, or it is done.
    pub fn hurry(&mut self, slot: usize, hurry: bool) {
        if hurry {
            self.overdue |= bit(slot);
        } else {
            self.overdue &= !bit(slot);
        }
    }

    /// Control is not any more who said what is overdue.
    pub fn nobody_hurries(&mut self) {
        self.overdue = 0;
    }

    /// Somebody waits for the stager.
    pub fn is_any(self) -> bool {
        self != Self::default()
    }

    /// Pages that a step of its builds.
    pub fn step_pages(self) -> u64 {
        if self.is_any() { CHUNK_PAGES } else { QUIET_PAGES }
    }

    /// How the stager is scheduled: at its own priority (`given`), or at the one below the lowest of the shadows while anybody waits for it; and
    /// on a quarter of the processor at most while a job is overdue, since it may have hung.
    pub fn stager(self, given: Scheduling, shadows: impl Iterator<Item = u8>) -> Scheduling {
        let is_less = given.budget_us.saturating_mul(OVERDUE.1) <= given.period_us.saturating_mul(OVERDUE.0);
        let (budget_us, period_us) = match self.overdue == 0 || is_less {
            true => (given.budget_us, given.period_us),
            false => OVERDUE,
        };
        Scheduling {
            priority: self.priority(given.priority, shadows),
            budget_us,
            period_us,
        }
    }

    /// The priority of the stager: its own (`given`), or the one below the lowest of the shadows while anybody waits for it.
    fn priority(self, given: u8, shadows: impl Iterator<Item = u8>) -> u8 {
        let urgent = shadows.min().map(|lowest| lowest.saturating_sub(1));
        urgent
            .filter(|_| self.is_any())
            .map_or(given, |urgent| urgent.max(given))
    }
}

fn bit(slot: usize) -> u64 {
    u32::try_from(slot)
        .ok()
        .and_then(|slot| 1u64.checked_shl(slot))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHADOWS: [u8; 2] = [201, 200];

    const GIVEN: Scheduling = Scheduling {
        priority: 90,
        budget_us: 5_000,
        period_us: 5_000,
    };

    fn stager(urgency: Urgency) -> u8 {
        urgency.stager(GIVEN, SHADOWS.into_iter()).priority
    }

    #[test]
    fn stager_that_may_have_hung_leaves_the_others_three_quarters() {
        let budget = |urgency: Urgency, given: Scheduling| {
            let is = urgency.stager(given, SHADOWS.into_iter());
            (is.budget_us, is.period_us)
        };
        let mut urgency = Urgency::default();
        urgency.cut(0);
        assert_eq!(
            budget(urgency, GIVEN),
            (5_000, 5_000),
            "it is waited for, and in time"
        );
        urgency.hurry(1, true);
        assert_eq!(budget(urgency, GIVEN), OVERDUE);
        let slower = Scheduling {
            budget_us: 100,
            ..GIVEN
        };
        assert_eq!(
            budget(urgency, slower),
            (100, 5_000),
            "never more than it was given"
        );
        urgency.hurry(1, false);
        assert_eq!(budget(urgency, GIVEN), (5_000, 5_000));
    }

    #[test]
    fn stager_is_urgent_while_any_device_waits() {
        let mut urgency = Urgency::default();
        assert_eq!(stager(urgency), 90);
        urgency.cut(0);
        urgency.cut(3);
        urgency.cut(3);
        assert_eq!(stager(urgency), 199);
        urgency.started(3);
        assert_eq!(stager(urgency), 199, "the other one still waits");
        urgency.started(0);
        urgency.started(0);
        assert_eq!(stager(urgency), 90);
    }

    #[test]
    fn stager_is_urgent_from_an_overdue_job_until_it_is_done() {
        let mut urgency = Urgency::default();
        urgency.hurry(0, true);
        urgency.hurry(1, true);
        assert_eq!(stager(urgency), 199);
        urgency.cut(0);
        urgency.started(0);
        assert_eq!(stager(urgency), 199, "the job is as late as before");
        urgency.hurry(0, false);
        assert_eq!(stager(urgency), 199, "the other slot's");
        urgency.hurry(1, false);
        assert_eq!(stager(urgency), 90);
    }

    #[test]
    fn control_that_dies_leaves_no_hurry_and_no_device_alone() {
        let mut urgency = Urgency::default();
        urgency.hurry(0, true);
        urgency.cut(1);
        urgency.nobody_hurries();
        assert_eq!(stager(urgency), 199, "a device waits");
        urgency.started(1);
        assert_eq!(stager(urgency), 90);
    }

    #[test]
    fn steps_are_short_while_nobody_waits() {
        let mut urgency = Urgency::default();
        assert_eq!(urgency.step_pages(), QUIET_PAGES);
        urgency.cut(3);
        assert_eq!(urgency.step_pages(), CHUNK_PAGES);
    }

    #[test]
    fn stager_is_never_below_what_its_description_says() {
        let mut urgency = Urgency::default();
        urgency.cut(1);
        assert_eq!(urgency.priority(220, SHADOWS.into_iter()), 220);
        assert_eq!(urgency.priority(90, [0].into_iter()), 90);
        assert_eq!(urgency.priority(90, [].into_iter()), 90, "no device, no shadow");
        urgency.cut(usize::MAX);
        urgency.started(1);
        assert_eq!(stager(urgency), 90);
    }
}
