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
use crate::object::sched_context as context;
use crate::object::tcb::{self, Queued, State};
use crate::object::{Endpoint, Fields, Notification, PhysAddr, Reply, SchedContext, Slot, Tcb, reply, slot};
use crate::sched::refill::Refills;

/// Where the current thread is going to wait.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Endpoint {
        ep: Endpoint,
        grant: bool,
        reply: Reply,
    },
    Notification(Notification),
    /// It is signalled: there is nothing to wait for.
    Signalled(Notification),
}

impl<M: Machine> Kernel<M> {
    /// NBSendRecv of a signal that wakes somebody, to an endpoint where nobody sends, or to a notification. False: not
    /// such a case, nothing has happened but that the time was noted.
    #[inline]
    pub fn fast_signal_recv(&mut self) -> bool {
        self.try_fast_signal::<true>(8).is_some()
    }

    /// The same with NBSendWait, to a notification.
    #[inline]
    pub fn fast_signal_wait(&mut self) -> bool {
        self.try_fast_signal::<false>(6).is_some()
    }

    /// `target` is the number of the register that says what to signal; `ANYWHERE`: the wait may be at an endpoint, too.
    #[inline(always)]
    fn try_fast_signal<const ANYWHERE: bool>(&mut self, target: u64) -> Option<()> {
        self.count_entry();
        let from = self.current?;
        let info = MessageInfo::from_word(self.m.get(from, tcb::x(1)));
        let slot = self.quick_slot(from, self.m.get(from, tcb::x(target)))?;
        let (ntfn, badge) = self.quick_signal(slot, info)?;
        let to = self.waiter(ntfn)?;
        let place = self.place::<ANYWHERE>(from)?;
        let vspace = self.quick_vspace(to)?;
        self.note_time();
        let (used, new) = (self.may_stop(from)?, self.may_start(to)?);
        let floor = self.m.get(from, tcb::PRIORITY);
        if let Place::Signalled(_) = place {
            // Who stays ready has to be outranked for the other to run.
            if !self.is_here(to) || self.m.get(to, tcb::PRIORITY) <= floor {
                return None;
            }
        } else if !self.comes_first(to, floor) {
            return self.queue_and_wait::<ANYWHERE>(from, ntfn, to, badge);
        }
        // From here on it is done.
        self.release_waiter(ntfn, to, badge);
        self.settle_at(from, place);
        self.quick_switch(Some(from), to, vspace);
        self.hand_over(used, new);
        self.prepare_step(to);
        self.count_exit(Some(from));
        Some(())
    }

    /// The same if the thread that is woken has to queue behind another, who runs. Finds the place anew: handed over, it would go
    /// through memory also where it is not.
    #[inline(never)]
    fn queue_and_wait<const ANYWHERE: bool>(
        &mut self,
        from: Tcb,
        ntfn: Notification,
        to: Tcb,
        badge: u64,
    ) -> Option<()> {
        let place = self.place::<ANYWHERE>(from)?;
        let (next, vspace) = self.first_ready()??;
        let sc = self.m.get(to, tcb::SCHED_CONTEXT)?;
        // From here on it is done.
        self.release_waiter(ntfn, to, badge);
        self.wake_on_context(sc);
        self.ready.push_front(&mut self.m, to);
        self.settle_at(from, place);
        self.dequeue(next);
        self.quick_switch(Some(from), next, vspace);
        self.change_context(Some(next), false);
        self.prepare_step(next);
        self.count_exit(Some(from));
        Some(())
    }

    /// Who runs if the current thread stops, with his address space; inner `None`: nobody is ready. Outer `None`: he cannot just go on.
    #[inline(always)]
    pub(super) fn first_ready(&self) -> Option<Option<(Tcb, (PhysAddr, u16))>> {
        let Some(next) = self.ready.first(self.domains.current()) else {
            return Some(None);
        };
        let goes_on = self.state(next) == State::Running && self.m.get(next, tcb::YIELD_TO).is_none();
        let vspace = self.quick_vspace(next)?;
        goes_on.then_some(Some((next, vspace)))
    }

    /// The thread that a signal would wake.
    #[inline(always)]
    pub(super) fn waiter(&self, ntfn: Notification) -> Option<Tcb> {
        if self.m.get(ntfn, ACTIVE) {
            return None;
        }
        self.notification_queue(ntfn).head.or_else(|| {
            let bound = self.m.get(ntfn, BOUND_TCB)?;
            (self.state(bound) == State::Receiving).then_some(bound)
        })
    }

    /// Takes it out of what it waits for, with the signal.
    #[inline(always)]
    pub(super) fn release_waiter(&mut self, ntfn: Notification, to: Tcb, badge: u64) {
        self.unqueue_waiter(ntfn, to);
        self.m.set(to, tcb::STATE, State::Running);
        self.m.set(to, tcb::x(0), badge);
    }

    #[inline(always)]
    fn unqueue_waiter(&mut self, ntfn: Notification, to: Tcb) {
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

    /// Where the thread wants to receive, if it may; at an endpoint, if it would have to wait, and if it may be `ANYWHERE`.
    #[inline(always)]
    pub(super) fn place<const ANYWHERE: bool>(&self, thread: Tcb) -> Option<Place> {
        if !ANYWHERE {
            return self.own_notification(thread);
        }
        let slot = self.quick_slot(thread, self.m.get(thread, tcb::x(0)))?;
        match kind_of(self.m.get(slot, slot::CAP0)) {
            kind::NOTIFICATION => self.own_notification(thread),
            _ => self.quiet_endpoint(thread, slot),
        }
    }

    /// The endpoint where the thread wants to receive, if it may, and would have to wait for somebody to send.
    #[inline(always)]
    fn quiet_endpoint(&self, thread: Tcb, slot: Slot) -> Option<Place> {
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
        let (ep, reply) = (
            Endpoint::checked(addr_of(w0))?,
            Reply::checked(addr_of(reply_w0))?,
        );
        let (_, state) = self.endpoint_queue(ep);
        // Nobody waits for this reply object's answer.
        let vacant = self.m.get(reply, reply::TCB).is_none();
        (vacant && state != EndpointState::Sending).then_some(Place::Endpoint {
            ep,
            grant: rights.grant(),
            reply,
        })
    }

    /// The notification at which the thread wants to wait, if it may.
    #[inline(always)]
    pub(super) fn own_notification(&self, thread: Tcb) -> Option<Place> {
        let slot = self.quick_slot(thread, self.m.get(thread, tcb::x(0)))?;
        let w0 = self.m.get(slot, slot::CAP0);
        if kind_of(w0) != kind::NOTIFICATION || !CapRights::from_word(attr_of(w0)).read() {
            return None;
        }
        let ntfn = Notification::checked(addr_of(w0))?;
        let bound = self.m.get(ntfn, BOUND_TCB);
        if bound.is_some_and(|bound| bound != thread) {
            None
        } else if self.m.get(ntfn, ACTIVE) {
            Some(Place::Signalled(ntfn))
        } else {
            (!self.notification_matters(Some(ntfn))).then_some(Place::Notification(ntfn))
        }
    }

    /// The current thread's context, if its time can be charged to that without further ado, and nothing else is due.
    #[inline(always)]
    pub(super) fn may_stop(&self, from: Tcb) -> Option<SchedContext> {
        let sc = self.m.get(from, tcb::SCHED_CONTEXT)?;
        (self.current_sc == Some(sc) && self.can_afford(sc) && self.nothing_is_due()).then_some(sc)
    }

    /// It belongs to the domain that runs.
    #[inline(always)]
    pub(super) fn is_here(&self, thread: Tcb) -> bool {
        self.m.get(thread, tcb::DOMAIN) as usize == self.domains.current()
    }

    /// The context of a blocked thread that could run if it were woken.
    #[inline(always)]
    pub(super) fn may_start(&self, to: Tcb) -> Option<SchedContext> {
        let sc = self.m.get(to, tcb::SCHED_CONTEXT)?;
        let ready = self.m.is_active(sc)
            && self.m.get(to, tcb::QUEUED) == Queued::Not
            && self.m.get(to, tcb::YIELD_TO).is_none();
        ready.then_some(sc)
    }

    /// The current thread waits, or takes what it was signalled and is ready.
    #[inline(always)]
    pub(super) fn settle_at(&mut self, thread: Tcb, place: Place) {
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
            Place::Signalled(ntfn) => {
                self.collect_signals(ntfn, thread);
                self.ready.push_front(&mut self.m, thread);
            }
        }
    }

    /// Time was used of the one context, and is used of the other from now on, whose thread was woken.
    #[inline(always)]
    pub(super) fn hand_over(&mut self, used: SchedContext, new: SchedContext) {
        self.m.start_now(new, self.now);
        self.charge(used);
        self.current_sc = Some(new);
        self.arm_timer_again();
    }

    /// Time is charged to the context of `to` from now on, or to none. A thread that is `woken` begins to use its budget now;
    /// another one has done so when it became able to run, if its context is sporadic.
    #[inline(always)]
    pub(super) fn change_context(&mut self, to: Option<Tcb>, woken: bool) {
        let sc = to.and_then(|to| self.m.get(to, tcb::SCHED_CONTEXT));
        if let Some(sc) = sc
            && (woken || !self.m.get(sc, context::SPORADIC))
        {
            self.m.start_now(sc, self.now);
        }
        self.commit_time();
        self.current_sc = sc;
        self.arm_timer_again();
    }
}
