//! Who waits at an endpoint is served by priority, among equals in the order of arrival (manual, section "Endpoints").
//!
//! The root task has the lowest priority here: a thread that can run makes its system call, and waits again, before the root task
//! goes on.

use proptest::prelude::*;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;

use crate::booted::{Booted, ROOT_CNODE, ROOT_TCB};
use crate::object::tcb;
use crate::object::{Fields, Tcb};

const ENDPOINT: u64 = 100;
const BADGED: u64 = 101;
const THREADS: u64 = 104;
const COUNT: usize = 7;

const SEND: i64 = -5;
const NB_SEND: i64 = -6;
const WAIT: i64 = -9;
const NB_WAIT: i64 = -10;

struct Both {
    booted: Booted,
    threads: Vec<Tcb>,
    priorities: Vec<u64>,
    /// Whether the threads send; else they receive.
    sending: bool,
    /// Who waits, first the one that is served first.
    queue: Vec<usize>,
}

impl Both {
    fn new(sending: bool) -> Self {
        let mut booted = Booted::new();
        booted.make(ObjectType::Endpoint, 0, ENDPOINT, 1);
        let threads = (0..COUNT as u64).map(|n| {
            let (from, to) = (ENDPOINT, BADGED + n % 3);
            if n < 3 {
                booted.must(
                    ROOT_CNODE,
                    "CNodeMint",
                    &[to, 64, from, 64, 15, n + 1],
                    &[ROOT_CNODE],
                );
            }
            booted.make_thread(THREADS + 2 * n, 100, 1_000_000, 1_000_000)
        });
        let threads = threads.collect();
        booted.must(ROOT_TCB, "TCBSetPriority", &[1], &[ROOT_TCB]);
        Self {
            booted,
            threads,
            priorities: vec![100; COUNT],
            sending,
            queue: vec![],
        }
    }

    fn badge(&self, thread: usize) -> u64 {
        1 + thread as u64 % 3
    }

    /// Lets whoever runs make its system call, until it is the root task's turn.
    fn run(&mut self) {
        while self.booted.kernel.current != Some(self.booted.thread) {
            let current = self.booted.kernel.current.unwrap();
            let thread = self.threads.iter().position(|&thread| thread == current).unwrap();
            self.arrive(thread);
            let cptr = BADGED + thread as u64 % 3;
            let info = MessageInfo::new(0, 0, 0, 0);
            self.booted.prepare(current, cptr, info, &[], &[]);
            self.booted.enter(if self.sending { SEND } else { WAIT });
        }
    }

    fn arrive(&mut self, thread: usize) {
        let lower = |&other: &usize| self.priorities[other] < self.priorities[thread];
        let at = self.queue.iter().position(lower).unwrap_or(self.queue.len());
        self.queue.insert(at, thread);
    }

    fn tcb(thread: usize) -> u64 {
        THREADS + 2 * thread as u64
    }

    fn resume(&mut self, thread: usize) {
        self.booted.must(Self::tcb(thread), "TCBResume", &[], &[]);
        // One that waits already gives up and starts anew.
        self.queue.retain(|&other| other != thread);
        self.run();
    }

    fn suspend(&mut self, thread: usize) {
        self.booted.must(Self::tcb(thread), "TCBSuspend", &[], &[]);
        self.queue.retain(|&other| other != thread);
    }

    fn set_priority(&mut self, thread: usize, priority: u64) {
        self.booted
            .must(Self::tcb(thread), "TCBSetPriority", &[priority], &[ROOT_TCB]);
        self.priorities[thread] = priority;
        if self.queue.contains(&thread) {
            self.queue.retain(|&other| other != thread);
            self.arrive(thread);
        }
    }

    /// Those who send with a badge begin again, and so arrive anew, by priority.
    fn cancel(&mut self, badge: u64) {
        let words = [BADGED + badge - 1, 64];
        self.booted
            .must(ROOT_CNODE, "CNodeCancelBadgedSends", &words, &[]);
        if self.sending {
            let queue = core::mem::take(&mut self.queue);
            self.queue = queue
                .into_iter()
                .filter(|&thread| self.badge(thread) != badge)
                .collect();
        }
        self.run();
    }

    /// The root task meets the first who waits; he is done and waits again.
    fn serve(&mut self) {
        let root = self.booted.thread;
        let info = MessageInfo::new(7, 0, 0, 0);
        self.booted.prepare(root, ENDPOINT, info, &[], &[]);
        let served = (!self.queue.is_empty()).then(|| self.queue.remove(0));
        let before: Vec<u64> = self.info_words();
        self.booted.enter(if self.sending { NB_WAIT } else { NB_SEND });
        if self.sending {
            let badge = self.booted.kernel.m.get(root, tcb::x(0));
            assert_eq!(badge, served.map_or(0, |thread| self.badge(thread)));
        } else {
            let changed = before
                .iter()
                .zip(self.info_words())
                .position(|(&before, after)| before != after);
            assert_eq!(changed, served, "who got the message");
        }
        self.run();
    }

    /// Message descriptors that the threads have.
    fn info_words(&self) -> Vec<u64> {
        let word = |&thread: &Tcb| self.booted.kernel.m.get(thread, tcb::x(1));
        self.threads.iter().map(word).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn higher_priority_first_then_order_of_arrival(
        sending: bool, ops in prop::collection::vec((0u8..9, 0..COUNT, 2u64..6), 1..80)
    ) {
        let mut both = Both::new(sending);
        for (op, thread, priority) in ops {
            match op {
                0..3 => both.resume(thread),
                3 => both.suspend(thread),
                4 | 5 => both.set_priority(thread, 50 * priority),
                6 => both.cancel(1 + thread as u64 % 3),
                _ => both.serve(),
            }
        }
        while !both.queue.is_empty() {
            let thread = both.queue[0];
            both.serve();
            both.suspend(thread);
        }
    }
}
