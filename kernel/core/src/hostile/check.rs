//! What is always so.

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::object::slot::{self, nth};
use crate::object::tcb::{self, Queued, State};
use crate::object::{Fields, Slot, Tcb, notification, reply, sched_context};
use crate::sched::refill::Refills;

use super::SLOTS;
use super::world::World;

impl World {
    pub fn check(&self) {
        let mut threads = vec![];
        for index in 0..SLOTS {
            self.check_slot(nth(self.root, index), &mut threads);
        }
        if let Some(current) = self.kernel.current {
            threads.push(current);
            assert!(self.kernel.is_schedulable(current), "the current thread can run");
            assert_eq!(self.kernel.m.get(current, tcb::QUEUED), Queued::Not);
        }
        #[cfg(feature = "debug-build")]
        self.check_list(&threads);
        for thread in threads {
            self.check_thread(thread);
        }
        self.check_choice();
        self.check_time();
    }

    /// Every thread is in the list of all threads, and the list reads the same both ways.
    #[cfg(feature = "debug-build")]
    fn check_list(&self, threads: &[Tcb]) {
        let m = &self.kernel.m;
        let mut listed = vec![];
        let (mut at, mut before) = (self.kernel.threads, None);
        while let Some(thread) = at {
            assert_eq!(m.get(thread, tcb::LIST_PREV), before);
            assert!(!listed.contains(&thread), "the list ends");
            listed.push(thread);
            (before, at) = (at, m.get(thread, tcb::LIST_NEXT));
        }
        assert!(threads.iter().all(|thread| listed.contains(thread)));
    }

    /// Whoever runs belongs to the domain that runs, and has the highest priority of it.
    fn check_choice(&self) {
        let k = &self.kernel;
        let highest = k.ready.highest(k.domains.current()).unwrap_or(0) as u64;
        if let Some(current) = k.current {
            assert_eq!(k.m.get(current, tcb::DOMAIN), k.domains.current() as u64);
            assert!(
                k.m.get(current, tcb::PRIORITY) >= highest,
                "somebody more important waits"
            );
        }
        assert!(
            k.current.is_some() || highest == 0,
            "nobody runs, and somebody could"
        );
    }

    /// Nothing passes unnoticed: neither the end of the domain nor the next release.
    fn check_time(&self) {
        let k = &self.kernel;
        let release = k.release.map_or(u64::MAX, |thread| k.release_time(thread));
        assert_eq!(k.horizon, release.min(k.domains.ends()));
        assert!(k.m.deadline <= k.horizon, "the timer interrupts in time");
    }

    fn check_slot(&self, at: Slot, threads: &mut Vec<Tcb>) {
        let m = &self.kernel.m;
        if m.is_empty(at) {
            assert_eq!(
                (m.get(at, slot::PREV), m.get(at, slot::NEXT)),
                (0, 0),
                "an empty slot is in no list"
            );
            return;
        }
        if let Some(next) = m.next(at) {
            assert_eq!(m.prev(next), Some(at), "the list reads the same both ways");
            assert!(!m.is_empty(next));
        }
        if let Some(prev) = m.prev(at) {
            assert_eq!(m.next(prev), Some(at), "the list reads the same both ways");
        }
        match m.cap(at) {
            Cap::Tcb(thread) => threads.push(thread),
            Cap::SchedContext { sc, .. } => {
                if let Some(thread) = m.get(sc, sched_context::TCB) {
                    assert_eq!(m.get(thread, tcb::SCHED_CONTEXT), Some(sc));
                }
                if m.is_active(sc) {
                    let count = m.get(sc, sched_context::COUNT);
                    assert!(count >= 1 && count <= m.get(sc, sched_context::MAX));
                }
            }
            Cap::Notification { ntfn, .. } => {
                if let Some(thread) = m.get(ntfn, notification::BOUND_TCB) {
                    assert_eq!(m.get(thread, tcb::NOTIFICATION), Some(ntfn));
                }
            }
            Cap::Reply { reply, .. } => {
                if let Some(thread) = m.get(reply, reply::TCB) {
                    assert_eq!(m.get(thread, tcb::REPLY), Some(reply));
                }
            }
            _ => {}
        }
    }

    fn check_thread(&self, thread: Tcb) {
        let m = &self.kernel.m;
        if let Some(sc) = m.get(thread, tcb::SCHED_CONTEXT) {
            assert_eq!(
                m.get(sc, sched_context::TCB),
                Some(thread),
                "thread and context know each other"
            );
        }
        if let Some(reply) = m.get(thread, tcb::REPLY) {
            assert_eq!(
                m.get(reply, reply::TCB),
                Some(thread),
                "thread and reply object know each other"
            );
            assert!(matches!(
                self.kernel.state(thread),
                State::Receiving | State::Replying
            ));
        }
        if self.kernel.is_schedulable(thread) && self.kernel.current != Some(thread) {
            assert_eq!(
                m.get(thread, tcb::QUEUED),
                Queued::Ready,
                "whoever can run is queued"
            );
        }
        if m.get(thread, tcb::QUEUED) == Queued::Ready {
            assert!(self.kernel.is_schedulable(thread), "whoever is queued can run");
        }
    }
}
