//! The release queue: threads that want to run but whose context has no refill ready, by the refill's time.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, Queued};
use crate::object::{Fields, SchedContext, Tcb};
use crate::sched::refill::Refills;

impl<M: Machine> Kernel<M> {
    #[inline]
    pub(crate) fn release_time(&self, thread: Tcb) -> u64 {
        self.m
            .get(thread, tcb::SCHED_CONTEXT)
            .map_or(u64::MAX, |sc| self.m.first_refill(sc).time)
    }

    /// The context's thread waits for its next refill.
    pub(crate) fn postpone(&mut self, sc: SchedContext) {
        let Some(thread) = self.m.get(sc, crate::object::sched_context::TCB) else {
            return;
        };
        self.dequeue(thread);
        if self.m.get(thread, tcb::QUEUED) == Queued::Release {
            return;
        }
        let time = self.release_time(thread);
        let (mut before, mut after) = (None, self.release);
        while let Some(other) = after
            && self.release_time(other) <= time
        {
            before = Some(other);
            after = self.m.get(other, tcb::RUN_NEXT);
        }
        self.m.set(thread, tcb::RUN_PREV, before);
        self.m.set(thread, tcb::RUN_NEXT, after);
        self.m.set(thread, tcb::QUEUED, Queued::Release);
        match before {
            Some(before) => self.m.set(before, tcb::RUN_NEXT, Some(thread)),
            None => {
                self.release = Some(thread);
                self.reprogram = true;
            }
        }
        if let Some(after) = after {
            self.m.set(after, tcb::RUN_PREV, Some(thread));
        }
    }

    /// Takes a thread out of the release queue, if it is there.
    pub(crate) fn unpostpone(&mut self, thread: Tcb) {
        if self.m.get(thread, tcb::QUEUED) != Queued::Release {
            return;
        }
        let (prev, next) = (
            self.m.get(thread, tcb::RUN_PREV),
            self.m.get(thread, tcb::RUN_NEXT),
        );
        match prev {
            Some(prev) => self.m.set(prev, tcb::RUN_NEXT, next),
            None => {
                self.release = next;
                self.reprogram = true;
            }
        }
        if let Some(next) = next {
            self.m.set(next, tcb::RUN_PREV, prev);
        }
        self.m.set(thread, tcb::QUEUED, Queued::Not);
    }

    /// Has the refill of the first thread that waits become usable?
    #[inline]
    pub(crate) fn release_is_due(&self) -> bool {
        self.release.is_some_and(|thread| {
            let context = self.m.get(thread, tcb::SCHED_CONTEXT);
            context.is_none_or(|sc| self.m.is_usable(sc, self.now))
        })
    }

    /// Wakes the threads whose refill has become usable.
    #[inline]
    pub(crate) fn release_due(&mut self) {
        while self.release_is_due()
            && let Some(thread) = self.release
        {
            self.unpostpone(thread);
            self.wake(thread);
            self.reprogram = true;
        }
    }
}
