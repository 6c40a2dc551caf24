//! The hot paths: calling a passive server that waits, its reply with the next receive, a [`signal`] with the next wait, and an
//! [`interrupt`] from its delivery to the wait for the next.
//!
//! They do exactly what the general path does in the case they accept, and touch nothing in any other. The first two need no look
//! at the time: the scheduling context stays the same, and its end is the timer's business.

use sel4_abi::message::MessageInfo;
use sel4_abi::rights::CapRights;

use crate::cap::{addr_of, attr_of, kind, kind_of};
use crate::ipc::buffer::FAST;
use crate::ipc::endpoint::EndpointState;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::reply::{self, Above};
use crate::object::sched_context as context;
use crate::object::slot::{self, SLOT_BYTES};
use crate::object::tcb::{self, State, TcbSlot};
use crate::object::{Fields, Notification, Obj, PhysAddr, Reply, Slot, Tcb, notification};

mod interrupt;
mod signal;
mod wait;

/// A message of registers only.
struct Short {
    info: MessageInfo,
    length: u64,
}

impl<M: Machine> Kernel<M> {
    /// The current thread's message, if it is short and carries no capabilities.
    #[inline(always)]
    fn short_message(&self, thread: Tcb) -> Option<Short> {
        let info = MessageInfo::from_word(self.m.get(thread, tcb::x(1)));
        (info.length() as usize <= FAST && info.extra_caps() == 0).then_some(Short {
            info,
            length: info.length(),
        })
    }

    /// The slot that `cptr` leads to in the thread's capability space, if a single CNode resolves it completely.
    #[inline(always)]
    pub(crate) fn quick_slot(&self, thread: Tcb, cptr: u64) -> Option<Slot> {
        let root = thread.slot(TcbSlot::CSpace);
        let (w0, w1) = (self.m.get(root, slot::CAP0), self.m.get(root, slot::CAP1));
        let (radix, guard_bits, guard) = (attr_of(w0) & 63, w1 & 63, w1 >> 6);
        // The usual root: guard and index make up the whole pointer, and the guard is zero.
        if kind_of(w0) != kind::CNODE || radix + guard_bits != 64 || guard != 0 || cptr >> radix != 0 {
            return None;
        }
        Slot::checked(addr_of(w0) + cptr * SLOT_BYTES)
    }

    /// Root and identifier of the thread's address space, if that is valid.
    #[inline(always)]
    fn quick_vspace(&self, thread: Tcb) -> Option<(PhysAddr, u16)> {
        let slot = thread.slot(TcbSlot::VSpace);
        let (w0, w1) = (self.m.get(slot, slot::CAP0), self.m.get(slot, slot::CAP1));
        let (at, asid) = (addr_of(w0), (w1 >> 48) as u16);
        (kind_of(w0) == kind::VSPACE && self.vspace_of(asid) == Some(at)).then_some((at, asid))
    }

    /// Would the scheduler let `next` run, were it to choose among it and all that are ready?
    #[inline(always)]
    fn comes_first(&self, next: Tcb, floor: u64) -> bool {
        let priority = self.m.get(next, tcb::PRIORITY);
        let domain = self.domains.current();
        self.m.get(next, tcb::DOMAIN) as usize == domain
            && (priority >= floor
                || self
                    .ready
                    .highest(domain)
                    .is_none_or(|highest| priority as usize >= highest))
    }

    /// The notification and badge that a sender without capabilities in its message signals with `slot`, if that is all that is
    /// asked for.
    #[inline(always)]
    pub(crate) fn quick_signal(&self, slot: Slot, info: MessageInfo) -> Option<(Notification, u64)> {
        let w0 = self.m.get(slot, slot::CAP0);
        let plain = kind_of(w0) == kind::NOTIFICATION
            && CapRights::from_word(attr_of(w0)).write()
            && info.extra_caps() == 0;
        let ntfn = Obj::checked(addr_of(w0)).filter(|_| plain)?;
        Some((ntfn, self.m.get(slot, slot::CAP1)))
    }

    /// Moves a short message.
    #[inline(always)]
    fn move_short(&mut self, from: Tcb, to: Tcb, badge: u64, message: &Short) {
        for index in 0..message.length {
            let value = self.m.get(from, tcb::x(2 + index));
            self.m.set(to, tcb::x(2 + index), value);
        }
        self.m.set(to, tcb::x(0), badge);
        let info = MessageInfo::new(message.info.label(), 0, 0, message.length);
        self.m.set(to, tcb::x(1), info.into_word());
    }

    /// Makes `next`, which is in no queue, the current thread.
    #[inline(always)]
    fn quick_switch(&mut self, from: Option<Tcb>, next: Tcb, vspace: (PhysAddr, u16)) {
        self.count_switch(from, Some(next));
        self.save_tls(from);
        self.m
            .set_tls(self.m.get(next, tcb::TPIDR), self.m.get(next, tcb::TPIDRRO));
        self.refresh_fpu_access(next);
        self.m.use_vspace(Some(vspace.0), vspace.1);
        self.current = Some(next);
    }

    /// Call on an endpoint where a passive server waits. False: not such a case, nothing has happened.
    #[inline(always)]
    pub fn fast_call(&mut self) -> bool {
        self.try_fast_call().is_some()
    }

    #[inline(always)]
    fn try_fast_call(&mut self) -> Option<()> {
        let caller = self.current?;
        let message = self.short_message(caller)?;
        let slot = self.quick_slot(caller, self.m.get(caller, tcb::x(0)))?;
        let w0 = self.m.get(slot, slot::CAP0);
        let rights = CapRights::from_word(attr_of(w0));
        if kind_of(w0) != kind::ENDPOINT || !Self::is_handler_rights(rights) {
            return None;
        }
        let ep = Obj::at(addr_of(w0));
        let (mut queue, state) = self.endpoint_queue(ep);
        let server = queue.head.filter(|_| state == EndpointState::Receiving)?;
        let reply = self.m.get(server, tcb::REPLY)?;
        let sc = self.m.get(caller, tcb::SCHED_CONTEXT)?;
        let floor = self.m.get(caller, tcb::PRIORITY);
        if self.m.get(server, tcb::SCHED_CONTEXT).is_some()
            || self.current_sc != Some(sc)
            || !self.comes_first(server, floor)
        {
            return None;
        }
        let vspace = self.quick_vspace(server)?;
        // From here on it is done.
        queue.remove(&mut self.m, server);
        self.set_endpoint_queue(ep, queue, true);
        self.m.set(server, tcb::REPLY, None);
        self.m.set(server, tcb::STATE, State::Running);
        self.m.set(reply, reply::TCB, Some(caller));
        self.m.set(caller, tcb::REPLY, Some(reply));
        self.m.set(caller, tcb::STATE, State::Replying);
        let below = self.m.get(sc, context::REPLY);
        self.m.set(reply, reply::BELOW, below);
        if let Some(below) = below {
            self.m.set(below, reply::ABOVE, Above::Reply(reply));
        }
        self.m.set(reply, reply::ABOVE, Above::Context(sc));
        self.m.set(sc, context::REPLY, Some(reply));
        self.m.set(caller, tcb::SCHED_CONTEXT, None);
        self.attach_context(sc, server);
        let badge = self.m.get(slot, slot::CAP1);
        self.move_short(caller, server, badge, &message);
        self.quick_switch(Some(caller), server, vspace);
        Some(())
    }

    /// Reply to a caller whose scheduling context the current thread runs on, then wait at an endpoint where nobody
    /// sends. False: not such a case, nothing has happened.
    #[inline(always)]
    pub fn fast_reply_recv(&mut self) -> bool {
        self.try_fast_reply_recv().is_some()
    }

    /// Could a signal reach the thread now, or would blocking cost it its context?
    #[inline(always)]
    fn notification_matters(&self, ntfn: Option<Notification>) -> bool {
        ntfn.is_some_and(|ntfn| {
            self.m.get(ntfn, notification::ACTIVE) || self.m.get(ntfn, notification::SCHED_CONTEXT).is_some()
        })
    }

    #[inline(always)]
    fn try_fast_reply_recv(&mut self) -> Option<()> {
        let server = self.current?;
        let message = self.short_message(server)?;
        let slot = self.quick_slot(server, self.m.get(server, tcb::x(0)))?;
        let w0 = self.m.get(slot, slot::CAP0);
        let rights = CapRights::from_word(attr_of(w0));
        if kind_of(w0) != kind::ENDPOINT || !rights.read() {
            return None;
        }
        let reply_slot = self.quick_slot(server, self.m.get(server, tcb::x(6)))?;
        let reply_w0 = self.m.get(reply_slot, slot::CAP0);
        if kind_of(reply_w0) != kind::REPLY
            || self.notification_matters(self.m.get(server, tcb::NOTIFICATION))
        {
            return None;
        }
        let reply: Reply = Obj::at(addr_of(reply_w0));
        let ep = Obj::at(addr_of(w0));
        let (mut queue, state) = self.endpoint_queue(ep);
        if state == EndpointState::Sending {
            return None;
        }
        let caller = self.m.get(reply, reply::TCB)?;
        let sc = self.m.get(server, tcb::SCHED_CONTEXT)?;
        if self.state(caller) != State::Replying
            || self.m.get(caller, tcb::FAULT_TYPE) != 0
            || self.m.get(reply, reply::ABOVE) != Above::Context(sc)
            || self.current_sc != Some(sc)
            || self.m.get(caller, tcb::SCHED_CONTEXT).is_some()
            || !self.comes_first(caller, u64::MAX)
        {
            return None;
        }
        let vspace = self.quick_vspace(caller)?;
        // From here on it is done.
        let below = self.m.get(reply, reply::BELOW);
        self.m.set(sc, context::REPLY, below);
        if let Some(below) = below {
            self.m.set(below, reply::ABOVE, Above::Context(sc));
            self.m.set(reply, reply::BELOW, None);
        }
        self.m.set(reply, reply::ABOVE, Above::Nothing);
        self.m.set(caller, tcb::REPLY, None);
        self.m.set(caller, tcb::STATE, State::Running);
        self.m.set(server, tcb::SCHED_CONTEXT, None);
        self.attach_context(sc, caller);
        self.m.set(server, tcb::WAITS_AT, ep.addr());
        self.m.set(
            server,
            tcb::BLOCK_FLAGS,
            if rights.grant() { tcb::BLOCK_GRANT } else { 0 },
        );
        self.m.set(server, tcb::REPLY, Some(reply));
        self.m.set(reply, reply::TCB, Some(server));
        self.m.set(server, tcb::STATE, State::Receiving);
        queue.insert(&mut self.m, server);
        self.set_endpoint_queue(ep, queue, true);
        self.move_short(server, caller, 0, &message);
        self.quick_switch(Some(server), caller, vspace);
        Some(())
    }
}
