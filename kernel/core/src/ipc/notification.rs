//! Signalling and waiting.

use crate::ipc::wait_queue::WaitQueue;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::notification::{ACTIVE, BOUND_TCB, HEAD, TAIL, WORD};
use crate::object::tcb::{self, State};
use crate::object::{Fields, Notification, Obj, Tcb, Word};

impl<M: Machine> Kernel<M> {
    /// The notification's waiters.
    #[inline]
    pub(crate) fn notification_queue(&self, ntfn: Notification) -> WaitQueue {
        WaitQueue {
            head: Word::from_word(self.m.get(ntfn, HEAD)),
            tail: Word::from_word(self.m.get(ntfn, TAIL)),
        }
    }

    /// Stores the notification's waiters.
    #[inline]
    pub(crate) fn set_notification_queue(&mut self, ntfn: Notification, queue: WaitQueue) {
        self.m.set(ntfn, HEAD, queue.head.to_word());
        self.m.set(ntfn, TAIL, queue.tail.to_word());
    }

    /// Signals `badge`: wakes one waiter with it, or adds it to what is pending.
    pub(crate) fn signal(&mut self, ntfn: Notification, badge: u64) {
        if self.m.get(ntfn, ACTIVE) {
            let word = self.m.get(ntfn, WORD) | badge;
            return self.m.set(ntfn, WORD, word);
        }
        let mut queue = self.notification_queue(ntfn);
        if let Some(waiter) = queue.head {
            queue.remove(&mut self.m, waiter);
            self.set_notification_queue(ntfn, queue);
            return self.wake_with_signal(ntfn, waiter, badge);
        }
        match self.m.get(ntfn, BOUND_TCB) {
            Some(bound) if self.state(bound) == State::Receiving => {
                self.cancel_ipc(bound);
                self.wake_with_signal(ntfn, bound, badge);
            }
            _ => {
                self.m.set(ntfn, WORD, badge);
                self.m.set(ntfn, ACTIVE, true);
            }
        }
    }

    fn wake_with_signal(&mut self, ntfn: Notification, thread: Tcb, badge: u64) {
        self.set_state(thread, State::Running);
        self.m.set(thread, tcb::x(0), badge);
        self.lend_context(ntfn, thread);
        if let Some(sc) = self.m.get(thread, tcb::SCHED_CONTEXT) {
            self.wake_on_context(sc);
        }
        self.wake(thread);
    }

    /// Waits for a signal, or collects what is pending.
    pub(crate) fn wait(&mut self, thread: Tcb, ntfn: Notification, blocking: bool) {
        if self.m.get(ntfn, ACTIVE) {
            return self.collect_signals(ntfn, thread);
        }
        if !blocking {
            return self.m.set(thread, tcb::x(0), 0);
        }
        self.m.set(thread, tcb::WAITS_AT, ntfn.addr());
        self.set_state(thread, State::Waiting);
        self.return_context(ntfn, thread);
        let mut queue = self.notification_queue(ntfn);
        queue.insert(&mut self.m, thread);
        self.set_notification_queue(ntfn, queue);
    }

    /// Hands the pending flags to a thread.
    pub(crate) fn collect_signals(&mut self, ntfn: Notification, thread: Tcb) {
        let word = self.m.get(ntfn, WORD);
        self.m.set(thread, tcb::x(0), word);
        self.m.set(ntfn, ACTIVE, false);
        self.m.set(ntfn, WORD, 0);
        self.lend_context(ntfn, thread);
    }

    /// Binds a notification and a thread, both free.
    pub(crate) fn bind_notification(&mut self, thread: Tcb, ntfn: Notification) {
        self.m.set(thread, tcb::NOTIFICATION, Some(ntfn));
        self.m.set(ntfn, BOUND_TCB, Some(thread));
    }

    /// Undoes [`bind_notification`](Self::bind_notification).
    pub(crate) fn unbind_notification(&mut self, thread: Tcb) {
        if let Some(ntfn) = self.m.get(thread, tcb::NOTIFICATION) {
            self.m.set(ntfn, BOUND_TCB, None);
            self.m.set(thread, tcb::NOTIFICATION, None);
        }
    }

    /// Takes a thread out of the notification it waits at.
    pub(crate) fn leave_notification(&mut self, thread: Tcb) {
        let ntfn = Obj::at(self.m.get(thread, tcb::WAITS_AT));
        let mut queue = self.notification_queue(ntfn);
        queue.remove(&mut self.m, thread);
        self.set_notification_queue(ntfn, queue);
    }

    /// A waiting thread's priority has changed: it takes its new place.
    pub(crate) fn requeue_waiter(&mut self, thread: Tcb) {
        if self.state(thread) == State::Waiting {
            let ntfn = Obj::at(self.m.get(thread, tcb::WAITS_AT));
            let mut queue = self.notification_queue(ntfn);
            queue.remove(&mut self.m, thread);
            queue.insert(&mut self.m, thread);
            self.set_notification_queue(ntfn, queue);
        } else {
            let ep = self.waits_at(thread);
            let (mut queue, state) = self.endpoint_queue(ep);
            queue.remove(&mut self.m, thread);
            queue.insert(&mut self.m, thread);
            self.set_endpoint_queue(ep, queue, state == super::endpoint::EndpointState::Receiving);
        }
    }
}
