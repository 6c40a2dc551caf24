//! Budgets (manual, section "Scheduling Contexts"): in no window as long as its period does a thread run for more than its budget, and one
//! that nobody puts off gets all of it. Time in which the machine stood still is nobody's.

use proptest::prelude::*;

use crate::booted::{Booted, ROOT_TCB};
use crate::machine::Machine;
use crate::object::{Fields, Tcb, tcb};
use crate::sched::refill::Refills;
use crate::sched::time::{WCET, ticks};

const THREADS: u64 = 100;
const TIMER: u32 = 27;
const OTHER: u32 = 100;

/// A stretch of time that a thread ran without a break.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: u64,
    to: u64,
}

struct Machines {
    booted: Booted,
    threads: Vec<Tcb>,
    runs: Vec<Vec<Run>>,
}

impl Machines {
    /// Threads that always want to run, in falling order of priority.
    fn new(budgets: &[(u64, u64)]) -> Self {
        let mut booted = Booted::new();
        let threads = budgets.iter().enumerate().map(|(n, &(budget, period))| {
            let at = THREADS + 2 * n as u64;
            let thread = booted.make_thread(at, 200 - n as u64, budget, period);
            booted.must(at, "TCBResume", &[], &[]);
            thread
        });
        let threads = threads.collect();
        booted.must(ROOT_TCB, "TCBSetPriority", &[1], &[ROOT_TCB]);
        Self {
            booted,
            threads,
            runs: vec![vec![]; budgets.len()],
        }
    }

    /// Whoever is current runs for `passed` ticks, but no longer than until the timer interrupts.
    fn pass(&mut self, passed: u64) {
        let m = &self.booted.kernel.m;
        let left = m.deadline.saturating_sub(m.now());
        self.enter_after(passed.min(left), if passed < left { OTHER } else { TIMER });
    }

    /// This interrupt comes after so many ticks, whatever the timer was armed for.
    fn enter_after(&mut self, passed: u64, irq: u32) {
        let m = &mut self.booted.kernel.m;
        let (from, to) = (m.now(), m.now() + passed);
        m.time = to;
        m.pending.push(irq);
        let current = self.booted.kernel.current;
        if let Some(index) = self.threads.iter().position(|&thread| Some(thread) == current) {
            self.runs[index].push(Run { from, to });
        }
        self.booted.kernel.interrupt();
    }
}

/// The most of a thread's time that lies in one window of this length.
fn most_in_window(runs: &[Run], length: u64) -> u64 {
    let inside = |start: u64| -> u64 {
        let end = start + length;
        runs.iter()
            .map(|run| run.to.min(end).saturating_sub(run.from.max(start)))
            .sum()
    };
    runs.iter().map(|run| inside(run.from)).max().unwrap_or(0)
}

fn budgets() -> impl Strategy<Value = Vec<(u64, u64)>> {
    // A period as long as the budget would be round robin.
    prop::collection::vec((50u64..2_000, 2u64..8, 0u64..500), 1..4).prop_map(|list| {
        list.into_iter()
            .map(|(budget, times, more)| (budget, budget * times + more))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    #[test]
    fn no_window_of_a_period_has_more_than_the_budget(
        budgets in budgets(), steps in prop::collection::vec(1u64..60_000, 1..300), blocks in prop::collection::vec(any::<u8>(), 300)
    ) {
        let mut machines = Machines::new(&budgets);
        for (&step, &block) in steps.iter().zip(&blocks) {
            machines.pass(step);
            // Now and then somebody sleeps or wakes.
            let thread = machines.threads[block as usize % machines.threads.len()];
            match block {
                0..40 => machines.booted.kernel.suspend(thread),
                40..100 => machines.booted.kernel.resume(thread),
                _ => continue,
            }
            machines.booted.kernel.schedule();
        }
        for (runs, &(budget, period)) in machines.runs.iter().zip(&budgets) {
            // A piece of budget may be used a worst-case kernel time before it is due.
            let most = most_in_window(runs, ticks(period) - WCET);
            prop_assert!(most <= ticks(budget), "{} of {} in {}: {:?}", most, ticks(budget), ticks(period), runs);
        }
    }

    /// The thread of highest priority gets its budget, whatever the others do and however often it is interrupted; but for what
    /// pieces lose that are too small to run on and wait for the next.
    #[test]
    fn who_is_not_put_off_gets_all_of_it(budgets in budgets(), steps in prop::collection::vec(1u64..60_000, 300)) {
        let budgets: Vec<_> = budgets.iter().map(|&(budget, period)| (8 * budget, 8 * period)).collect();
        let mut machines = Machines::new(&budgets);
        let start = machines.booted.kernel.m.now();
        for step in steps {
            machines.pass(step);
        }
        let (budget, period) = (ticks(budgets[0].0), ticks(budgets[0].1));
        let passed = machines.booted.kernel.m.now() - start;
        let had: u64 = machines.runs[0].iter().map(|run| run.to - run.from).sum();
        let periods = passed / period;
        prop_assert!(4 * had >= 3 * periods * budget, "{had} in {periods} periods of {budget}");
        // A piece may be used a worst-case kernel time before it is due, each time.
        prop_assert!(had <= (passed / (period - WCET) + 1) * budget, "{had} in {passed} of {period}");
    }

    /// A machine that stands still for many periods (its host does not run it) puts nobody off for more than one, whoever enters first.
    #[test]
    fn nobody_pays_for_a_machine_that_stands_still(
        budgets in budgets(),
        steps in prop::collection::vec((prop_oneof![4 => 1u64..60_000, 1 => 1u64..100_000_000], prop::bool::ANY), 1..100)
    ) {
        let mut machines = Machines::new(&budgets);
        for (step, timer) in steps {
            machines.enter_after(step, if timer { TIMER } else { OTHER });
            let m = &machines.booted.kernel.m;
            for (&thread, &(_, period)) in machines.threads.iter().zip(&budgets) {
                let context = m.get(thread, tcb::SCHED_CONTEXT).expect("a context");
                let (first, latest) = (m.first_refill(context).time, m.now() + ticks(period));
                prop_assert!(first <= latest, "{first}, {} behind a period", first - latest);
            }
        }
    }
}
