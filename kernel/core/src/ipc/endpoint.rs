//! Sending and receiving at endpoints.

use sel4_abi::rights::CapRights;

use crate::ipc::wait_queue::WaitQueue;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::endpoint::{HEAD, RECEIVING, TAIL};
use crate::object::tcb::{self, State};
use crate::object::{Endpoint, Fields, Obj, Reply, Tcb, Word, notification, reply};

/// What the threads at an endpoint wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EndpointState {
    /// Nobody waits.
    Idle,
    /// They wait to send.
    Sending,
    /// They wait to receive.
    Receiving,
}

/// How a message is sent.
#[derive(Clone, Copy)]
pub(crate) struct SendMode {
    /// Wait for a receiver.
    pub blocking: bool,
    /// A reply is expected.
    pub call: bool,
    /// The sender's scheduling context may go along.
    pub donate: bool,
}

impl<M: Machine> Kernel<M> {
    /// The endpoint's queue and what it waits for.
    #[inline]
    pub(crate) fn endpoint_queue(&self, ep: Endpoint) -> (WaitQueue, EndpointState) {
        let (head, tail) = (self.m.get(ep, HEAD), self.m.get(ep, TAIL));
        let state = match (head, tail & RECEIVING) {
            (0, _) => EndpointState::Idle,
            (_, 0) => EndpointState::Sending,
            _ => EndpointState::Receiving,
        };
        (
            WaitQueue {
                head: Word::from_word(head),
                tail: Word::from_word(tail & !RECEIVING),
            },
            state,
        )
    }

    /// Stores the endpoint's queue.
    #[inline]
    pub(crate) fn set_endpoint_queue(&mut self, ep: Endpoint, queue: WaitQueue, receiving: bool) {
        self.m.set(ep, HEAD, queue.head.to_word());
        self.m.set(
            ep,
            TAIL,
            queue.tail.to_word() | if receiving { RECEIVING } else { 0 },
        );
    }

    /// Sends `sender`'s message, or its fault, with `badge` and `rights` of the capability used.
    pub(crate) fn send(&mut self, sender: Tcb, ep: Endpoint, badge: u64, rights: CapRights, mode: SendMode) {
        let (mut queue, state) = self.endpoint_queue(ep);
        let Some(receiver) = queue.head.filter(|_| state == EndpointState::Receiving) else {
            if mode.blocking {
                self.block_sender(sender, ep, badge, rights, mode.call, queue);
            }
            return;
        };
        queue.remove(&mut self.m, receiver);
        self.set_endpoint_queue(ep, queue, true);
        self.transfer(sender, Some(ep), badge, rights.grant(), receiver);
        let reply = self.m.get(receiver, tcb::REPLY);
        if let Some(reply) = reply {
            self.unlink_reply(reply, receiver);
        }
        if mode.call || self.m.get(sender, tcb::FAULT_TYPE) != 0 {
            match reply {
                Some(reply) if rights.grant() || rights.grant_reply() => {
                    self.push_call(sender, receiver, reply, mode.donate);
                }
                _ => self.set_state(sender, State::Inactive),
            }
        } else if mode.donate
            && self.m.get(receiver, tcb::SCHED_CONTEXT).is_none()
            && let Some(sc) = self.m.get(sender, tcb::SCHED_CONTEXT)
        {
            self.donate(sc, receiver);
        }
        self.set_state(receiver, State::Running);
        if let Some(sc) = self.m.get(receiver, tcb::SCHED_CONTEXT) {
            self.wake_on_context(sc);
        }
        self.wake(receiver);
    }

    fn block_sender(
        &mut self,
        sender: Tcb,
        ep: Endpoint,
        badge: u64,
        rights: CapRights,
        call: bool,
        mut queue: WaitQueue,
    ) {
        let mut flags = 0;
        if rights.grant() {
            flags |= tcb::BLOCK_GRANT;
        }
        if rights.grant_reply() {
            flags |= tcb::BLOCK_GRANT_REPLY;
        }
        if call {
            flags |= tcb::BLOCK_CALL;
        }
        self.m.set(sender, tcb::WAITS_AT, ep.addr());
        self.m.set(sender, tcb::SEND_BADGE, badge);
        self.m.set(sender, tcb::BLOCK_FLAGS, flags);
        self.set_state(sender, State::Sending);
        queue.insert(&mut self.m, sender);
        self.set_endpoint_queue(ep, queue, false);
    }

    /// Receives at an endpoint; `grant` is the right of the capability used, `reply` the reply object brought.
    pub(crate) fn receive(
        &mut self,
        thread: Tcb,
        ep: Endpoint,
        grant: bool,
        blocking: bool,
        reply: Option<Reply>,
    ) {
        if let Some(reply) = reply
            && let Some(other) = self.m.get(reply, reply::TCB)
            && other != thread
        {
            // Whoever still waited for this reply object's answer will not get it.
            self.cancel_ipc(other);
        }
        if let Some(ntfn) = self.m.get(thread, tcb::NOTIFICATION) {
            if self.m.get(ntfn, notification::ACTIVE) {
                return self.collect_signals(ntfn, thread);
            }
            if blocking {
                self.return_context(ntfn, thread);
            }
        }
        let (mut queue, state) = self.endpoint_queue(ep);
        let Some(sender) = queue.head.filter(|_| state == EndpointState::Sending) else {
            if !blocking {
                self.m.set(thread, tcb::x(0), 0);
                return;
            }
            self.m.set(thread, tcb::WAITS_AT, ep.addr());
            self.m
                .set(thread, tcb::BLOCK_FLAGS, if grant { tcb::BLOCK_GRANT } else { 0 });
            self.m.set(thread, tcb::REPLY, reply);
            if let Some(reply) = reply {
                self.m.set(reply, reply::TCB, Some(thread));
            }
            self.set_state(thread, State::Receiving);
            queue.insert(&mut self.m, thread);
            return self.set_endpoint_queue(ep, queue, true);
        };
        queue.remove(&mut self.m, sender);
        self.set_endpoint_queue(ep, queue, false);
        self.take_message(thread, ep, sender, reply);
    }

    /// Takes the message of a sender that was waiting, and lets it go on or wait for the reply.
    fn take_message(&mut self, thread: Tcb, ep: Endpoint, sender: Tcb, reply: Option<Reply>) {
        let flags = self.m.get(sender, tcb::BLOCK_FLAGS);
        let badge = self.m.get(sender, tcb::SEND_BADGE);
        self.transfer(sender, Some(ep), badge, flags & tcb::BLOCK_GRANT != 0, thread);
        let fault = self.m.get(sender, tcb::FAULT_TYPE);
        if let Some(sc) = self.m.get(sender, tcb::SCHED_CONTEXT) {
            self.wake_on_context(sc);
        }
        if flags & tcb::BLOCK_CALL != 0 || fault != 0 {
            match reply {
                Some(reply) if flags & (tcb::BLOCK_GRANT | tcb::BLOCK_GRANT_REPLY) != 0 => {
                    let donate = fault != sel4_abi::fault::FaultType::Timeout as u64;
                    self.push_call(sender, thread, reply, donate);
                }
                _ => self.set_state(sender, State::Inactive),
            }
        } else {
            self.set_state(sender, State::Running);
            self.wake(sender);
        }
    }

    /// The endpoint a blocked thread waits at.
    pub(crate) fn waits_at(&self, thread: Tcb) -> Endpoint {
        Obj::at(self.m.get(thread, tcb::WAITS_AT))
    }

    /// Takes a thread out of the endpoint it waits at.
    #[inline(always)]
    pub(crate) fn leave_endpoint(&mut self, thread: Tcb) {
        let ep = self.waits_at(thread);
        let (mut queue, state) = self.endpoint_queue(ep);
        queue.remove(&mut self.m, thread);
        self.set_endpoint_queue(ep, queue, state == EndpointState::Receiving);
    }
}
