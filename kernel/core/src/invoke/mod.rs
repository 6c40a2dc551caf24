//! Invocations: what a message to a kernel object does.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::message::MessageInfo;

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::ipc::transfer::ExtraSlots;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{PhysAddr, Slot, Tcb};

pub mod asid;
pub mod cnode;
pub mod domain;
pub mod error;
pub mod irq;
pub mod page;
pub mod page_table;
pub mod registers;
pub mod sched_context;
pub mod sched_control;
pub mod smc;
pub mod tcb;
pub mod untyped;
pub mod vspace;

/// What an invocation answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Nothing but success.
    Done,
    /// One word.
    Word(u64),
    /// The message words are in place already; how many.
    Written(usize),
}

/// An invocation: the message and what it was sent to.
#[derive(Clone, Copy)]
pub(crate) struct Invocation {
    /// Who invokes.
    pub caller: Tcb,
    /// The caller's IPC buffer.
    pub buffer: Option<PhysAddr>,
    /// The method, if the label is one.
    pub label: Option<InvocationLabel>,
    /// Words sent.
    pub length: usize,
    /// Capabilities sent.
    pub extra: ExtraSlots,
    /// Where the invoked capability lies.
    pub slot: Slot,
}

impl Invocation {
    /// The invocation that the message `info` makes.
    pub(crate) fn new(
        caller: Tcb,
        buffer: Option<PhysAddr>,
        info: MessageInfo,
        length: usize,
        extra: ExtraSlots,
        slot: Slot,
    ) -> Self {
        Self {
            caller,
            buffer,
            label: InvocationLabel::from_raw(info.label()),
            length,
            extra,
            slot,
        }
    }

    /// Word `index` of the message.
    #[inline]
    pub(crate) fn word<M: Machine>(&self, kernel: &Kernel<M>, index: usize) -> u64 {
        kernel.message_word(self.caller, self.buffer, index)
    }

    /// Checks that the message has at least so many words and capabilities.
    pub(crate) fn needs(&self, words: usize, caps: usize) -> Result<(), InvocationError> {
        if self.length < words || (caps > 0 && self.extra[caps - 1].is_none()) {
            return Err(InvocationError::TruncatedMessage);
        }
        Ok(())
    }

    /// Slot of the `index`-th capability sent.
    pub(crate) fn extra_slot(&self, index: usize) -> Result<Slot, InvocationError> {
        self.extra[index].ok_or(InvocationError::TruncatedMessage)
    }

    /// The `index`-th capability sent.
    pub(crate) fn extra_cap<M: Machine>(
        &self,
        kernel: &Kernel<M>,
        index: usize,
    ) -> Result<Cap, InvocationError> {
        Ok(kernel.m.cap(self.extra_slot(index)?))
    }
}

impl<M: Machine> Kernel<M> {
    /// Carries out an invocation on anything that is not for another thread.
    pub(crate) fn invoke(
        &mut self,
        cap: Cap,
        call: &Invocation,
        first_phase: bool,
    ) -> Result<Outcome, Trouble> {
        let deny = |number| Err(Trouble::Error(InvocationError::InvalidCapability(number)));
        match cap {
            Cap::Tcb(_) | Cap::CNode { .. } | Cap::SchedContext { .. } | Cap::SchedControl if first_phase => {
                deny(0)
            }
            Cap::Untyped { .. } => self.invoke_untyped(call),
            Cap::CNode { .. } => self.invoke_cnode(cap, call),
            Cap::Tcb(thread) => self.invoke_tcb(thread, call),
            Cap::SchedContext { sc, .. } => self.invoke_sched_context(sc, call),
            Cap::SchedControl => self.invoke_sched_control(call),
            Cap::IrqControl => self.invoke_irq_control(call),
            Cap::IrqHandler { irq } => self.invoke_irq_handler(irq, call),
            Cap::Domain => self.invoke_domain(call),
            Cap::AsidControl => self.invoke_asid_control(call),
            Cap::AsidPool { at, base } => self.invoke_asid_pool(at, base, call),
            Cap::Frame { .. } => self.invoke_page(cap, call),
            Cap::PageTable { .. } => self.invoke_page_table(cap, call),
            Cap::VSpace { .. } => self.invoke_vspace(cap, call),
            Cap::Smc { badge } => self.invoke_smc(badge, call),
            Cap::SgiSignal { irq, target } => {
                self.m.send_sgi(irq, target as u64);
                Ok(Outcome::Done)
            }
            Cap::Null
            | Cap::Zombie { .. }
            | Cap::Endpoint { .. }
            | Cap::Notification { .. }
            | Cap::Reply { .. } => deny(0),
        }
    }
}
