//! Replies, and the stack of calls that a scheduling context travels along.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::reply::{ABOVE, Above, BELOW, TCB};
use crate::object::tcb::{self, State};
use crate::object::{Fields, Reply, Tcb, sched_context as context};
use crate::sched::refill::Refills;

impl<M: Machine> Kernel<M> {
    /// The reply object and its thread forget each other.
    #[inline]
    pub(crate) fn unlink_reply(&mut self, reply: Reply, thread: Tcb) {
        self.m.set(thread, tcb::REPLY, None);
        self.m.set(reply, TCB, None);
    }

    /// `caller` waits for `callee`'s reply by way of `reply`; with `donate`, a passive callee runs on its context.
    #[inline]
    pub(crate) fn push_call(&mut self, caller: Tcb, callee: Tcb, reply: Reply, donate: bool) {
        let context = self.m.get(caller, tcb::SCHED_CONTEXT);
        self.m.set(reply, TCB, Some(caller));
        self.m.set(caller, tcb::REPLY, Some(reply));
        self.set_state(caller, State::Replying);
        if let Some(sc) = context.filter(|_| donate)
            && self.m.get(callee, tcb::SCHED_CONTEXT).is_none()
        {
            let below = self.m.get(sc, context::REPLY);
            self.m.set(reply, BELOW, below);
            if let Some(below) = below {
                self.m.set(below, ABOVE, Above::Reply(reply));
            }
            self.m.set(reply, ABOVE, Above::Context(sc));
            self.m.set(sc, context::REPLY, Some(reply));
            self.donate(sc, callee);
        }
    }

    /// The reply is given or its object dies: a context that came along goes back to the caller.
    #[inline]
    pub(crate) fn finish_call(&mut self, reply: Reply, caller: Tcb) {
        let below = self.m.get(reply, BELOW);
        match self.m.get(reply, ABOVE) {
            Above::Context(sc) => {
                self.m.set(sc, context::REPLY, below);
                if let Some(below) = below {
                    self.m.set(below, ABOVE, Above::Context(sc));
                }
                if self.m.get(caller, tcb::SCHED_CONTEXT).is_none() {
                    self.donate(sc, caller);
                }
            }
            above => self.cut_chain(above, below),
        }
        self.m.set(reply, BELOW, None);
        self.m.set(reply, ABOVE, Above::Nothing);
        self.unlink_reply(reply, caller);
    }

    /// The caller gives up waiting: its place in the stack of calls is lost, the context stays where it is.
    pub(crate) fn abandon_call(&mut self, caller: Tcb) {
        let Some(reply) = self.m.get(caller, tcb::REPLY) else {
            return;
        };
        let below = self.m.get(reply, BELOW);
        match self.m.get(reply, ABOVE) {
            Above::Context(sc) => {
                self.m.set(sc, context::REPLY, None);
                self.cut_chain(Above::Nothing, below);
            }
            above => self.cut_chain(above, below),
        }
        self.m.set(reply, BELOW, None);
        self.m.set(reply, ABOVE, Above::Nothing);
        self.unlink_reply(reply, caller);
    }

    /// Breaks the stack of calls between what is above and what is below a reply object.
    fn cut_chain(&mut self, above: Above, below: Option<Reply>) {
        if let Above::Reply(above) = above {
            self.m.set(above, BELOW, None);
        }
        if let Some(below) = below {
            self.m.set(below, ABOVE, Above::Nothing);
        }
    }

    /// Replies to whoever waits at `reply`, if anybody does.
    pub(crate) fn do_reply(&mut self, sender: Tcb, reply: Reply, grant: bool) {
        let Some(receiver) = self.m.get(reply, TCB) else {
            return;
        };
        if self.state(receiver) != State::Replying {
            return;
        }
        self.finish_call(reply, receiver);
        if let Some(sc) = self.m.get(receiver, tcb::SCHED_CONTEXT) {
            self.wake_on_context(sc);
        }
        let fault = self.m.get(receiver, tcb::FAULT_TYPE);
        if fault == 0 {
            self.transfer(sender, None, 0, grant, receiver);
            self.set_state(receiver, State::Running);
        } else {
            let restart = self.apply_fault_reply(sender, receiver);
            self.m.set(receiver, tcb::FAULT_TYPE, 0);
            self.set_state(receiver, if restart { State::Restart } else { State::Inactive });
        }
        let Some(sc) = self.m.get(receiver, tcb::SCHED_CONTEXT) else {
            return;
        };
        if !self.is_runnable(receiver) || !self.m.is_active(sc) {
            return;
        }
        if self.m.can_run(sc, self.now) {
            self.wake(receiver);
        } else if self.has_timeout_handler(receiver) && fault != sel4_abi::fault::FaultType::Timeout as u64 {
            self.timeout_fault(receiver, sc);
        } else {
            self.postpone(sc);
        }
    }
}
