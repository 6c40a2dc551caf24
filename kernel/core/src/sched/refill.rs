//! Refills: the budget of a scheduling context, in pieces that become usable at their times.
//!
//! A sporadic server (manual, "Scheduling Contexts"): what is used of a piece comes back one period after the
//! piece became usable. The ring is ordered by time, pieces do not overlap, and their sum is the budget at all
//! times. Pieces too small to enter and leave the kernel with are merged into the next. A round-robin context
//! (period 0 here) has two pieces that are always usable: what is left of the slice, and what was used.

use crate::machine::Memory;
use crate::object::sched_context::{self as context, refill_offset};
use crate::object::{Fields, SchedContext};
use crate::sched::time::{MIN_BUDGET, WCET};

/// The least number of refills.
pub const MIN_REFILLS: u64 = 2;

/// A piece of budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refill {
    /// When it becomes usable, ticks.
    pub time: u64,
    /// How much it is, ticks.
    pub amount: u64,
}

/// Refill operations over any memory.
pub trait Refills: Memory {
    /// Is the context configured?
    #[inline]
    fn is_active(&self, sc: SchedContext) -> bool {
        self.get(sc, context::MAX) != 0
    }

    /// Is it a round-robin context?
    #[inline]
    fn is_round_robin(&self, sc: SchedContext) -> bool {
        self.get(sc, context::PERIOD) == 0
    }

    /// The `nth` refill in order of time.
    #[inline]
    fn refill(&self, sc: SchedContext, nth: u64) -> Refill {
        let at = refill_offset(self.ring_index(sc, nth));
        Refill {
            time: self.load(sc.addr(), at),
            amount: self.load(sc.addr(), at + 8),
        }
    }

    /// The first refill.
    #[inline]
    fn first_refill(&self, sc: SchedContext) -> Refill {
        let at = refill_offset(self.get(sc, context::HEAD));
        Refill {
            time: self.load(sc.addr(), at),
            amount: self.load(sc.addr(), at + 8),
        }
    }

    /// Replaces the first refill.
    #[inline]
    fn set_first_refill(&mut self, sc: SchedContext, refill: Refill) {
        let at = refill_offset(self.get(sc, context::HEAD));
        self.store(sc.addr(), at, refill.time);
        self.store(sc.addr(), at + 8, refill.amount);
    }

    /// Replaces the `nth` refill.
    #[inline]
    fn set_refill(&mut self, sc: SchedContext, nth: u64, refill: Refill) {
        let at = refill_offset(self.ring_index(sc, nth));
        self.store(sc.addr(), at, refill.time);
        self.store(sc.addr(), at + 8, refill.amount);
    }

    /// Ring index of the `nth` refill.
    #[inline]
    fn ring_index(&self, sc: SchedContext, nth: u64) -> u64 {
        let (head, max) = (self.get(sc, context::HEAD), self.get(sc, context::MAX));
        let index = head + nth;
        if index >= max { index - max } else { index }
    }

    /// Takes the first refill out; there is more than one.
    fn pop_refill(&mut self, sc: SchedContext) -> Refill {
        let first = self.first_refill(sc);
        let head = self.ring_index(sc, 1);
        self.set(sc, context::HEAD, head);
        let count = self.get(sc, context::COUNT);
        self.set(sc, context::COUNT, count - 1);
        first
    }

    /// Adds a refill at the end; there is room.
    fn push_refill(&mut self, sc: SchedContext, refill: Refill) {
        let count = self.get(sc, context::COUNT);
        self.set(sc, context::COUNT, count + 1);
        self.set_refill(sc, count, refill);
    }

    /// Gives a context a full budget, usable from `now`.
    fn fill(&mut self, sc: SchedContext, max: u64, budget: u64, period: u64, now: u64) {
        self.set(sc, context::PERIOD, period);
        self.set(sc, context::MAX, max);
        self.set(sc, context::HEAD, 0);
        self.set(sc, context::COUNT, 1);
        self.set_first_refill(
            sc,
            Refill {
                time: now,
                amount: budget,
            },
        );
        self.add_used_half(sc, now);
    }

    /// Changes the parameters of a context in use: what is left of the first refill stays usable now.
    fn refit(&mut self, sc: SchedContext, max: u64, budget: u64, period: u64, now: u64) {
        let mut first = self.first_refill(sc);
        if self.is_usable(sc, now) {
            first.time = now;
        }
        self.set(sc, context::PERIOD, period);
        self.set(sc, context::MAX, max);
        self.set(sc, context::HEAD, 0);
        self.set(sc, context::COUNT, 1);
        if first.amount >= budget {
            first.amount = budget;
            self.set_first_refill(sc, first);
            self.add_used_half(sc, now);
        } else {
            self.set_first_refill(sc, first);
            let rest = Refill {
                time: first.time + period,
                amount: budget - first.amount,
            };
            self.push_refill(sc, rest);
        }
    }

    /// The second piece of a round-robin context, empty at first.
    fn add_used_half(&mut self, sc: SchedContext, now: u64) {
        if self.is_round_robin(sc) {
            self.push_refill(sc, Refill { time: now, amount: 0 });
        }
    }

    /// Has the first refill's time come?
    #[inline]
    fn is_usable(&self, sc: SchedContext, now: u64) -> bool {
        self.first_refill(sc).time <= now + WCET
    }

    /// Is enough left of the first refill, `used` being taken from it, to run at all?
    #[inline]
    fn is_sufficient(&self, sc: SchedContext, used: u64) -> bool {
        self.first_refill(sc).amount >= used.saturating_add(MIN_BUDGET)
    }

    /// Can a thread run on this context now?
    #[inline]
    fn can_run(&self, sc: SchedContext, now: u64) -> bool {
        self.is_usable(sc, now) && self.is_sufficient(sc, 0)
    }

    /// Charges `used` ticks to a context that was preempted or blocked.
    #[inline(always)]
    fn charge_used(&mut self, sc: SchedContext, used: u64) {
        if !self.is_round_robin(sc) {
            return self.replenish_later(sc, used);
        }
        // Both amounts are read before either is stored: a store may be to anything, and all would be read anew behind it.
        let [left_at, spent_at] = [0, 1].map(|nth| refill_offset(self.ring_index(sc, nth)) + 8);
        let (left, spent) = (self.load(sc.addr(), left_at), self.load(sc.addr(), spent_at));
        let used = used.min(left);
        self.store(sc.addr(), left_at, left - used);
        self.store(sc.addr(), spent_at, spent + used);
    }

    /// A round-robin context has used its slice: it gets a full one.
    fn new_slice(&mut self, sc: SchedContext) {
        let (mut left, mut spent) = (self.first_refill(sc), self.refill(sc, 1));
        left.amount += spent.amount;
        spent.amount = 0;
        self.set_first_refill(sc, left);
        self.set_refill(sc, 1, spent);
    }

    /// Takes `used` ticks from the front; they come back a period after they became usable.
    #[inline(never)]
    fn replenish_later(&mut self, sc: SchedContext, mut used: u64) {
        let period = self.get(sc, context::PERIOD);
        loop {
            let first = self.first_refill(sc);
            if used == 0 || first.amount > used || first.time > u64::MAX / 4 {
                break;
            }
            used -= first.amount;
            let back = Refill {
                time: first.time.saturating_add(period),
                amount: first.amount,
            };
            if self.get(sc, context::COUNT) == 1 {
                self.set_first_refill(sc, back);
            } else {
                self.pop_refill(sc);
                self.come_back(sc, back);
            }
        }
        if used > 0 {
            let first = self.first_refill(sc);
            let back = Refill {
                time: first.time.saturating_add(period),
                amount: used,
            };
            let rest = Refill {
                time: first.time + used,
                amount: first.amount - used,
            };
            self.set_first_refill(sc, rest);
            self.come_back(sc, back);
        }
        // A first piece too small to run on waits until it meets the next one.
        while self.get(sc, context::COUNT) > 1 && self.first_refill(sc).amount < MIN_BUDGET {
            let small = self.pop_refill(sc);
            let next = self.first_refill(sc);
            let time = next.time.saturating_sub(small.amount);
            self.set_first_refill(
                sc,
                Refill {
                    time,
                    amount: next.amount + small.amount,
                },
            );
        }
    }

    /// Enters a future refill at the end.
    fn come_back(&mut self, sc: SchedContext, back: Refill) {
        let count = self.get(sc, context::COUNT);
        let last = self.refill(sc, count - 1);
        if back.time <= last.time.saturating_add(last.amount) {
            // It touches the last one.
            self.set_refill(
                sc,
                count - 1,
                Refill {
                    time: last.time,
                    amount: last.amount + back.amount,
                },
            );
        } else if count == self.get(sc, context::MAX) {
            // No room: the last piece is put off until it touches the new one.
            let time = back.time - last.amount;
            self.set_refill(
                sc,
                count - 1,
                Refill {
                    time,
                    amount: last.amount + back.amount,
                },
            );
        } else {
            self.push_refill(sc, back);
        }
    }

    /// The context's thread starts to run or wakes up: budget not used in the past counts from now on.
    #[inline(always)]
    fn start_now(&mut self, sc: SchedContext, now: u64) {
        if !self.is_round_robin(sc) {
            self.merge_from(sc, now);
        }
    }

    /// What is usable is usable from `now` on, in one piece.
    #[inline(never)]
    fn merge_from(&mut self, sc: SchedContext, now: u64) {
        if !self.is_usable(sc, now) {
            return;
        }
        let first = self.first_refill(sc);
        self.set_first_refill(sc, Refill { time: now, ..first });
        while self.get(sc, context::COUNT) > 1 {
            let (first, second) = (self.first_refill(sc), self.refill(sc, 1));
            if second.time > first.time.saturating_add(first.amount) {
                break;
            }
            self.pop_refill(sc);
            self.set_first_refill(
                sc,
                Refill {
                    time: first.time,
                    amount: first.amount + second.amount,
                },
            );
        }
    }
}

impl<M: Memory + ?Sized> Refills for M {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use proptest::prelude::*;

    fn refills(arena: &Arena, sc: SchedContext) -> Vec<Refill> {
        (0..arena.get(sc, context::COUNT))
            .map(|i| arena.refill(sc, i))
            .collect()
    }

    #[test]
    fn used_budget_comes_back_a_period_after_it_became_usable() {
        let mut arena = Arena::new(4096);
        let sc = SchedContext::at(arena.base());
        arena.fill(sc, 4, 10_000, 50_000, 100);
        arena.charge_used(sc, 3_000);
        assert_eq!(
            refills(&arena, sc),
            [
                Refill {
                    time: 3_100,
                    amount: 7_000
                },
                Refill {
                    time: 50_100,
                    amount: 3_000
                }
            ]
        );
    }

    #[test]
    fn round_robin_slice_is_renewed_at_once() {
        let mut arena = Arena::new(4096);
        let sc = SchedContext::at(arena.base());
        arena.fill(sc, 2, 10_000, 0, 100);
        arena.charge_used(sc, 9_000);
        assert!(!arena.is_sufficient(sc, 0));
        arena.new_slice(sc);
        assert_eq!(arena.refill(sc, 0).amount, 10_000);
    }

    /// The sum is the budget, and the order is that of time.
    fn is_sound(list: &[Refill], max: u64, budget: u64) -> Result<(), TestCaseError> {
        prop_assert_eq!(list.iter().map(|r| r.amount).sum::<u64>(), budget);
        prop_assert!(
            list.windows(2).all(|w| w[0].time + w[0].amount <= w[1].time),
            "{:?}",
            list
        );
        prop_assert!(list.len() as u64 <= max);
        Ok(())
    }

    proptest! {
        /// However far beyond its budget a context is charged.
        #[test]
        fn pieces_stay_sound_in_debt(
            steps in proptest::collection::vec((0u64..1_000_000, prop_oneof![3 => 0u64..4_000, 1 => 0u64..1_000_000]), 1..80),
            max in 2u64..8,
        ) {
            let budget = 10_000;
            let mut arena = Arena::new(4096);
            let sc = SchedContext::at(arena.base());
            let mut now = 1_000;
            arena.fill(sc, max, budget, 40_000, now);
            for (idle, run) in steps {
                now += idle;
                arena.start_now(sc, now);
                now += run;
                arena.charge_used(sc, run);
                is_sound(&refills(&arena, sc), max, budget)?;
            }
        }

        /// The sum is the budget, the order is that of time, and within any period no more than the budget is used.
        #[test]
        fn budget_is_conserved_and_never_exceeded(
            steps in proptest::collection::vec((0u64..30_000, 0u64..4_000, any::<bool>()), 1..80),
            max in 2u64..8, sporadic: bool,
        ) {
            let (budget, period) = (10_000u64, 40_000u64);
            let mut arena = Arena::new(4096);
            let sc = SchedContext::at(arena.base());
            let mut now = 1_000;
            arena.fill(sc, max, budget, period, now);
            let mut used: Vec<(u64, u64)> = vec![];
            for (idle, run, wake) in steps {
                now += idle;
                if arena.refill(sc, 0).time > now || !arena.is_sufficient(sc, 0) {
                    continue;
                }
                // Every change of context starts anew, but for contexts that are told not to: those are charged as if they had run
                // when they woke.
                if wake || !sporadic {
                    arena.start_now(sc, now);
                }
                let run = run.min(arena.refill(sc, 0).amount);
                used.push((now, run));
                now += run;
                arena.charge_used(sc, run);
                is_sound(&refills(&arena, sc), max, budget)?;
            }
            let most = if sporadic { 2 * budget } else { budget };
            for (i, &(start, _)) in used.iter().enumerate() {
                let in_window: u64 = used[i..].iter().take_while(|(t, u)| t + u <= start + period).map(|(_, u)| u).sum();
                prop_assert!(in_window <= most);
            }
        }
    }
}
