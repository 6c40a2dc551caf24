//! Scheduling contexts and what they are bound or lent to.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::reply::{self, Above};
use crate::object::sched_context as context;
use crate::object::tcb::{self, State};
use crate::object::{Fields, Notification, SchedContext, Tcb, notification};
use crate::sched::refill::Refills;
use crate::sched::time;

impl<M: Machine> Kernel<M> {
    /// Gives a context to a thread that has none; both are unbound.
    #[inline]
    pub(crate) fn attach_context(&mut self, sc: SchedContext, thread: Tcb) {
        self.m.set(sc, context::TCB, Some(thread));
        self.m.set(thread, tcb::SCHED_CONTEXT, Some(sc));
    }

    /// Moves a context from whoever has it to `to`, which has none.
    #[inline]
    pub(crate) fn donate(&mut self, sc: SchedContext, to: Tcb) {
        if let Some(from) = self.m.get(sc, context::TCB) {
            self.unpostpone(from);
            self.dequeue(from);
            self.m.set(from, tcb::SCHED_CONTEXT, None);
            if Some(from) == self.current || self.action == crate::kernel::Action::Switch(from) {
                self.reschedule();
            }
        }
        self.attach_context(sc, to);
    }

    /// Takes a thread's context from it.
    pub(crate) fn detach_context(&mut self, sc: SchedContext, thread: Tcb) {
        self.unpostpone(thread);
        self.dequeue(thread);
        if self.action == crate::kernel::Action::Switch(thread) || Some(thread) == self.current {
            self.reschedule();
        }
        self.m.set(thread, tcb::SCHED_CONTEXT, None);
        self.m.set(sc, context::TCB, None);
    }

    /// Binds a context to a thread; both are free.
    pub(crate) fn bind_context(&mut self, sc: SchedContext, thread: Tcb) {
        self.attach_context(sc, thread);
        self.wake_on_context(sc);
        self.resume_context(sc);
        if self.is_schedulable(thread) {
            self.enqueue_first(thread);
            self.reschedule();
        }
    }

    /// For a sporadic context whose thread wakes up: unused budget counts from now on.
    #[inline]
    pub(crate) fn wake_on_context(&mut self, sc: SchedContext) {
        if self.m.get(sc, context::SPORADIC) && self.m.is_active(sc) && Some(sc) != self.current_sc {
            self.m.start_now(sc, self.now);
        }
    }

    /// If the context's thread wants to run but has no usable refill, it waits for one.
    #[inline]
    pub(crate) fn resume_context(&mut self, sc: SchedContext) {
        if let Some(thread) = self.m.get(sc, context::TCB)
            && self.is_schedulable(thread)
            && !self.m.can_run(sc, self.now)
        {
            self.postpone(sc);
        }
    }

    /// Unbinds whatever thread has the context.
    pub(crate) fn unbind_thread(&mut self, sc: SchedContext) {
        if let Some(thread) = self.m.get(sc, context::TCB) {
            if Some(sc) == self.current_sc {
                self.settle_account();
            }
            self.detach_context(sc, thread);
        }
    }

    /// Charges the current context with what it has consumed so far.
    pub(crate) fn settle_account(&mut self) {
        self.commit_time();
        // The timer stands as it is: what was charged has passed. So does it if the parameters change next, and a
        // running thread keeps what it had until then (as on the official kernel).
    }

    /// Unbinds the context's notification.
    pub(crate) fn unbind_context_notification(&mut self, sc: SchedContext) {
        if let Some(ntfn) = self.m.get(sc, context::NOTIFICATION) {
            self.m.set(ntfn, notification::SCHED_CONTEXT, None);
            self.m.set(sc, context::NOTIFICATION, None);
        }
    }

    /// The context no longer travels with the calls made on it.
    pub(crate) fn forget_calls(&mut self, sc: SchedContext) {
        if let Some(top) = self.m.get(sc, context::REPLY) {
            self.m.set(top, reply::ABOVE, Above::Nothing);
            self.m.set(sc, context::REPLY, None);
        }
    }

    /// A passive thread that a notification wakes runs on the notification's context, if that is free.
    #[inline]
    pub(crate) fn lend_context(&mut self, ntfn: Notification, thread: Tcb) {
        if self.m.get(thread, tcb::SCHED_CONTEXT).is_none()
            && let Some(sc) = self.m.get(ntfn, notification::SCHED_CONTEXT)
            && self.m.get(sc, context::TCB).is_none()
        {
            self.donate(sc, thread);
            self.wake_on_context(sc);
            self.resume_context(sc);
        }
    }

    /// A thread that runs on the notification's context gives it back when it blocks.
    #[inline]
    pub(crate) fn return_context(&mut self, ntfn: Notification, thread: Tcb) {
        if let Some(sc) = self.m.get(ntfn, notification::SCHED_CONTEXT)
            && self.m.get(thread, tcb::SCHED_CONTEXT) == Some(sc)
        {
            self.m.set(thread, tcb::SCHED_CONTEXT, None);
            self.m.set(sc, context::TCB, None);
            if Some(thread) == self.current {
                self.reschedule();
            }
        }
    }

    /// Consumed time in microseconds; starts counting anew.
    pub(crate) fn take_consumed(&mut self, sc: SchedContext) -> u64 {
        let consumed = self.m.get(sc, context::CONSUMED);
        self.m.set(sc, context::CONSUMED, 0);
        time::micros(consumed)
    }

    /// The context yielded to is done with, or gone: `thread` no longer waits for its report.
    pub(crate) fn cancel_yield_to(&mut self, thread: Tcb) {
        if let Some(sc) = self.m.get(thread, tcb::YIELD_TO) {
            self.m.set(sc, context::YIELD_FROM, None);
            self.m.set(thread, tcb::YIELD_TO, None);
        }
    }

    /// The thread that yielded runs again: tell it what the context has consumed.
    pub(crate) fn report_yield_to(&mut self, thread: Tcb) {
        if let Some(sc) = self.m.get(thread, tcb::YIELD_TO) {
            let consumed = self.take_consumed(sc);
            self.write_result(thread, &[consumed]);
            self.cancel_yield_to(thread);
        }
    }

    /// Stops a thread: takes it out of whatever it waits for.
    pub(crate) fn suspend(&mut self, thread: Tcb) {
        self.cancel_ipc(thread);
        if self.state(thread) == State::Running {
            // It has been served: when resumed, it goes on behind the instruction that entered the kernel.
            let pc = self.m.get(thread, tcb::PC);
            self.m.set(thread, tcb::RESTART_PC, pc);
        }
        self.set_state(thread, State::Inactive);
        self.dequeue(thread);
        self.unpostpone(thread);
        self.cancel_yield_to(thread);
    }

    /// Lets a stopped or blocked thread go on.
    pub(crate) fn resume(&mut self, thread: Tcb) {
        if self.is_runnable(thread) {
            return;
        }
        self.cancel_ipc(thread);
        self.set_state(thread, State::Restart);
        if let Some(sc) = self.m.get(thread, tcb::SCHED_CONTEXT) {
            self.wake_on_context(sc);
            self.resume_context(sc);
        }
        if self.is_schedulable(thread) {
            self.wake(thread);
        }
    }
}
