//! Who runs: the highest priority, and among equals one after the other (manual, section "Scheduling").

use proptest::prelude::*;

use crate::booted::{Booted, ROOT_TCB};
use crate::machine::Machine;
use crate::object::Tcb;

const THREADS: u64 = 100;
const SLICE_US: u64 = 1_000;
const TIMER: u32 = 27;

/// Lets the current thread run until its slice is over.
fn use_slice(booted: &mut Booted) {
    let m = &mut booted.kernel.m;
    m.time = m.deadline.max(m.now());
    m.pending.push(TIMER);
    booted.kernel.interrupt();
}

fn booted(priorities: &[u64]) -> (Booted, Vec<Tcb>) {
    let mut booted = Booted::new();
    let threads = priorities.iter().enumerate().map(|(n, &priority)| {
        let at = THREADS + 2 * n as u64;
        let thread = booted.make_thread(at, priority, SLICE_US, SLICE_US);
        booted.must(at, "TCBResume", &[], &[]);
        thread
    });
    let threads = threads.collect();
    booted.must(ROOT_TCB, "TCBSetPriority", &[1], &[ROOT_TCB]);
    (booted, threads)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Of the highest priority there is, everybody has had as many slices as the others, give or take one, at any time; nobody else
    /// has any.
    #[test]
    fn equals_share_and_lower_ones_wait(priorities in prop::collection::vec(2u64..6, 1..8), slices in 1usize..60) {
        let (mut booted, threads) = booted(&priorities);
        let highest = *priorities.iter().max().unwrap();
        let mut had = vec![0; threads.len()];
        for _ in 0..slices {
            let current = booted.kernel.current.unwrap();
            let index = threads.iter().position(|&thread| thread == current).unwrap();
            prop_assert_eq!(priorities[index], highest);
            had[index] += 1;
            let equals = (0..threads.len()).filter(|&n| priorities[n] == highest).map(|n| had[n]);
            prop_assert!(equals.clone().max().unwrap() - equals.min().unwrap() <= 1, "{:?}", had);
            use_slice(&mut booted);
        }
    }

    /// A thread of higher priority runs as soon as it can, one of lower priority does not; whoever was put off by a higher one is
    /// not put behind his equals for it.
    #[test]
    fn higher_ones_run_at_once_and_cost_nobody_his_turn(highs in 1usize..4, rounds in 1usize..6) {
        let (mut booted, threads) = booted(&[10, 10, 10]);
        let high: Vec<Tcb> = (0..highs as u64)
            .map(|n| {
                let running = booted.kernel.current.unwrap();
                // The root task is put in front for the moment in which it makes the thread.
                let root = booted.thread;
                booted.kernel.set_priority(root, 255);
                booted.kernel.schedule();
                let thread = booted.make_thread(120 + 2 * n, 20 + n, SLICE_US, SLICE_US);
                booted.kernel.set_priority(root, 1);
                booted.kernel.schedule();
                prop_assert_eq!(booted.kernel.current, Some(running));
                Ok(thread)
            })
            .collect::<Result<_, TestCaseError>>()?;
        for _ in 0..rounds {
            let running = booted.kernel.current.unwrap();
            prop_assert!(threads.contains(&running));
            for &thread in &high {
                booted.kernel.resume(thread);
                booted.kernel.schedule();
                prop_assert_eq!(booted.kernel.current, Some(thread));
            }
            for &thread in high.iter().rev() {
                booted.kernel.suspend(thread);
                booted.kernel.schedule();
            }
            prop_assert_eq!(booted.kernel.current, Some(running));
            use_slice(&mut booted);
            prop_assert_ne!(booted.kernel.current, Some(running));
        }
    }
}
