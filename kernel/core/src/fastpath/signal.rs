//! A signal that wakes a thread, from one that waits itself from then on: how protection domains hand on work.
//!
//! Both run on contexts of their own, so time is charged and the timer armed, by the functions of the general path.

use sel4_abi::message::MessageInfo;
use sel4_abi::rights::CapRights;

use crate::cap::{addr_of, attr_of, kind, kind_of};
use crate::ipc::endpoint::EndpointState;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::notification::{ACTIVE, BOUND_TCB};
use crate::object::tcb::{self, Queued, State};
use crate::object::{Endpoint, Fields, Notification, Obj, Reply, Tcb, reply, slot};
use crate::sched::refill::Refills;

/// Where the current thread is going to wait: nothing is there for it.
#[derive(Clone, Copy)]
enum Place {
    Endpoint { ep: Endpoint, grant: bool, reply: Reply },
    Notification(Notification),
}

impl<M: Machine> Kernel<M> {
    /// NBSendRecv of a signal that wakes somebody, to an endpoint where nobody sends. False: not such a case, nothing has
    /// happened but that the time was noted.
    #[inline]
    pub fn fast_signal_recv(&mut self) -> bool {
        self.try_fast_signal(8, Self::quiet_endpoint).is_some()
    }

    /// The same with NBSendWait, to a notification that is not signalled.
    #[inline]
    pub fn fast_signal_wait(&mut self) -> bool {
        self.try_fast_signal(6, Self::quiet_notification).is_some()
    }

    /// `target` is the number of the register that says what to signal.
    #[inline(always)]
    fn try_fast_signal(&mut self, target: u64, place: fn(&Self, Tcb) -> Option<Place>) -> Option<()> {
        self.count_entry();
        let from = self.current?;
        let info = MessageInfo::from_word(self.m.get(from, tcb::x(1)));
        let slot = self.quick_slot(from, self.m.get(from, tcb::x(target)))?;
        let (ntfn, badge) = self.quick_signal(slot, info)?;
        let to = self.waiter(ntfn)?;
        let place = place(self, from)?;
        let vspace = self.quick_vspace(to)?;
        self.note_time();
        if !self.hands_over(from, to) {
            return None;
        }
        // From here on it is done.
        self.release_waiter(ntfn, to);
        self.m.set(to, tcb::STATE, State::Running);
        self.m.set(to, tcb::x(0), badge);
        self.settle_at(from, place);
        self.quick_switch(from, to, vspace);
        self.change_context(to);
        self.prepare_step(to);
        self.count_exit(Some(from));
        Some(())
    }

    /// The thread that a signal would wake.
    #[inline(always)]
    fn waiter(&self, ntfn: Notification) -> Option<Tcb> {
        if self.m.get(ntfn, ACTIVE) {
            return None;
        }
        self.notification_queue(ntfn).head.or_else(|| {
            let bound = self.m.get(ntfn, BOUND_TCB)?;
            (self.state(bound) == State::Receiving).then_some(bound)
        })
    }

    /// Takes it out of what it waits for.
    #[inline(always)]
    fn release_waiter(&mut self, ntfn: Notification, to: Tcb) {
        if self.state(to) == State::Waiting {
            let mut queue = self.notification_queue(ntfn);
            queue.remove(&mut self.m, to);
            return self.set_notification_queue(ntfn, queue);
        }
        self.m.set(to, tcb::FAULT_TYPE, 0);
        self.leave_endpoint(to);
        if let Some(reply) = self.m.get(to, tcb::REPLY) {
            self.unlink_reply(reply, to);
        }
    }

    /// The endpoint where the thread wants to receive, if it may, and would have to wait for somebody to send.
    #[inline(always)]
    fn quiet_endpoint(&self, thread: Tcb) -> Option<Place> {
        let slot = self.quick_slot(thread, self.m.get(thread, tcb::x(0)))?;
        let reply_slot = self.quick_slot(thread, self.m.get(thread, tcb::x(6)))?;
        let (w0, reply_w0) = (self.m.get(slot, slot::CAP0), self.m.get(reply_slot, slot::CAP0));
        let rights = CapRights::from_word(attr_of(w0));
        if kind_of(w0) != kind::ENDPOINT
            || !rights.read()
            || kind_of(reply_w0) != kind::REPLY
            || self.notification_matters(self.m.get(thread, tcb::NOTIFICATION))
        {
            return None;
        }
        let (ep, reply): (Endpoint, Reply) = (Obj::at(addr_of(w0)), Obj::at(addr_of(reply_w0)));
        let (_, state) = self.endpoint_queue(ep);
        // Nobody waits for this reply object's answer.
        let vacant = self.m.get(reply, reply::TCB).is_none();
        (vacant && state != EndpointState::Sending).then_some(Place::Endpoint {
            ep,
            grant: rights.grant(),
            reply,
        })
    }

    /// The notification at which the thread wants to wait, if it may, and would have to.
    #[inline(always)]
    fn quiet_notification(&self, thread: Tcb) -> Option<Place> {
        let slot = self.quick_slot(thread, self.m.get(thread, tcb::x(0)))?;
        let w0 = self.m.get(slot, slot::CAP0);
        if kind_of(w0) != kind::NOTIFICATION || !CapRights::from_word(attr_of(w0)).read() {
            return None;
        }
        let ntfn: Notification = Obj::at(addr_of(w0));
        let bound = self.m.get(ntfn, BOUND_TCB);
        let own = bound.is_none_or(|bound| bound == thread);
        (own && !self.notification_matters(Some(ntfn))).then_some(Place::Notification(ntfn))
    }

    /// Would `to`, which is blocked, be the next to run if it were woken and `from`, the current thread, stopped? Both have a
    /// context of their own and time left on it, and nothing else is due.
    #[inline(always)]
    fn hands_over(&self, from: Tcb, to: Tcb) -> bool {
        let (Some(old), Some(new)) = (
            self.m.get(from, tcb::SCHED_CONTEXT),
            self.m.get(to, tcb::SCHED_CONTEXT),
        ) else {
            return false;
        };
        self.current_sc == Some(old)
            && self.can_afford(old)
            && self.m.is_active(new)
            && self.m.get(to, tcb::QUEUED) == Queued::Not
            && self.m.get(to, tcb::YIELD_TO).is_none()
            && !self.domain_expired()
            && !self.release_is_due()
            && self.comes_first(to, self.m.get(from, tcb::PRIORITY))
    }

    /// The current thread waits.
    #[inline(always)]
    fn settle_at(&mut self, thread: Tcb, place: Place) {
        match place {
            Place::Endpoint { ep, grant, reply } => {
                let (mut queue, _) = self.endpoint_queue(ep);
                let flags = if grant { tcb::BLOCK_GRANT } else { 0 };
                self.m.set(thread, tcb::WAITS_AT, ep.addr());
                self.m.set(thread, tcb::BLOCK_FLAGS, flags);
                self.m.set(thread, tcb::REPLY, Some(reply));
                self.m.set(reply, reply::TCB, Some(thread));
                self.m.set(thread, tcb::STATE, State::Receiving);
                queue.insert(&mut self.m, thread);
                self.set_endpoint_queue(ep, queue, true);
            }
            Place::Notification(ntfn) => {
                let mut queue = self.notification_queue(ntfn);
                self.m.set(thread, tcb::WAITS_AT, ntfn.addr());
                self.m.set(thread, tcb::STATE, State::Waiting);
                queue.insert(&mut self.m, thread);
                self.set_notification_queue(ntfn, queue);
            }
        }
    }

    /// Time is charged to the context of `to`, which wakes up and begins to run, from now on.
    #[inline(always)]
    fn change_context(&mut self, to: Tcb) {
        let sc = self.m.get(to, tcb::SCHED_CONTEXT);
        if let Some(sc) = sc {
            self.m.start_now(sc, self.now);
        }
        self.commit_time();
        self.current_sc = sc;
        self.arm_timer();
    }
}
