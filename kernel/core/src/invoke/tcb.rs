//! Threads: configuration, priorities, bindings, starting and stopping.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::ipc_buffer::IPC_BUFFER_SIZE_BITS;
use sel4_abi::thread::tcb_flag;
use sel4_abi::user_context::Register;

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, State, TcbSlot};
use crate::object::{Fields, SchedContext, Slot, Tcb, notification, sched_context};
use crate::preempt::Preempted;
use crate::sched::refill::Refills;

/// A capability to be copied into a thread's slot: where it is, and the copy.
type Source = (Slot, Cap);

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_tcb(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        use InvocationLabel as L;
        match call.label {
            Some(L::TCBReadRegisters) => self.read_registers(thread, call),
            Some(L::TCBWriteRegisters) => self.write_registers(thread, call),
            Some(L::TCBCopyRegisters) => self.copy_registers(thread, call),
            Some(L::TCBConfigure) => self.configure(thread, call),
            Some(L::TCBSetPriority) => {
                call.needs(1, 1)?;
                let priority = call.word(self, 0);
                self.check_priority(call, priority)?;
                self.set_priority(thread, priority);
                Ok(Outcome::Done)
            }
            Some(L::TCBSetMCPriority) => {
                call.needs(1, 1)?;
                let mcp = call.word(self, 0);
                self.check_priority(call, mcp)?;
                self.m.set(thread, tcb::MCP, mcp);
                Ok(Outcome::Done)
            }
            Some(L::TCBSetSchedParams) => self.set_sched_params(thread, call),
            Some(L::TCBSetTimeoutEndpoint) => {
                call.needs(0, 1)?;
                let handler = self.handler(call, 0, 1)?;
                self.install(thread, TcbSlot::TimeoutHandler, handler)?;
                Ok(Outcome::Done)
            }
            Some(L::TCBSetIPCBuffer) => {
                call.needs(1, 1)?;
                let address = call.word(self, 0);
                let frame = self.buffer_frame(call, 0, address)?;
                self.set_buffer(thread, address, frame)?;
                Ok(Outcome::Done)
            }
            Some(L::TCBSetSpace) => self.set_space(thread, call),
            Some(L::TCBSuspend) => {
                self.suspend(thread);
                Ok(Outcome::Done)
            }
            Some(L::TCBResume) => {
                self.resume(thread);
                Ok(Outcome::Done)
            }
            Some(L::TCBBindNotification) => self.bind_to_notification(thread, call),
            Some(L::TCBUnbindNotification) => {
                if self.m.get(thread, tcb::NOTIFICATION).is_none() {
                    return Err(InvocationError::IllegalOperation.into());
                }
                self.unbind_notification(thread);
                Ok(Outcome::Done)
            }
            #[cfg(feature = "debug-build")]
            Some(L::TCBSetBreakpoint) => self.set_breakpoint(thread, call),
            #[cfg(feature = "debug-build")]
            Some(L::TCBGetBreakpoint) => self.get_breakpoint(thread, call),
            #[cfg(feature = "debug-build")]
            Some(L::TCBUnsetBreakpoint) => self.unset_breakpoint(thread, call),
            #[cfg(feature = "debug-build")]
            Some(L::TCBConfigureSingleStepping) => self.configure_stepping(thread, call),
            Some(L::TCBSetTLSBase) => {
                call.needs(1, 0)?;
                let base = call.word(self, 0);
                self.set_register(thread, Register::TpidrEl0, base);
                Ok(Outcome::Done)
            }
            Some(L::TCBSetFlags) => {
                call.needs(2, 0)?;
                let (clear, set) = (call.word(self, 0), call.word(self, 1));
                let flags = self.m.get(thread, tcb::FLAGS) & !clear | set & tcb_flag::MASK;
                self.m.set(thread, tcb::FLAGS, flags);
                self.refresh_flags(thread);
                Ok(Outcome::Word(flags))
            }
            _ => Err(InvocationError::IllegalOperation.into()),
        }
    }

    /// Does the authority capability (the first one sent) allow to set `priority`?
    fn check_priority(&self, call: &Invocation, priority: u64) -> Result<(), InvocationError> {
        let Cap::Tcb(authority) = call.extra_cap(self, 0)? else {
            return Err(InvocationError::InvalidCapability(1));
        };
        let max = self.m.get(authority, tcb::MCP);
        if priority > max {
            return Err(InvocationError::RangeError { min: 0, max });
        }
        Ok(())
    }

    /// The `index`-th capability sent, as a fault handler; nothing if it is null.
    fn handler(
        &self,
        call: &Invocation,
        index: usize,
        number: u64,
    ) -> Result<Option<Source>, InvocationError> {
        let slot = call.extra_slot(index)?;
        match self.m.cap(slot) {
            Cap::Null => Ok(None),
            cap @ Cap::Endpoint { rights, .. } if Self::is_handler_rights(rights) => Ok(Some((slot, cap))),
            _ => Err(InvocationError::InvalidCapability(number)),
        }
    }

    /// The `index`-th capability sent, as the frame of an IPC buffer at `address`; nothing for address 0.
    fn buffer_frame(
        &self,
        call: &Invocation,
        index: usize,
        address: u64,
    ) -> Result<Option<Source>, InvocationError> {
        let slot = call.extra_slot(index)?;
        if address == 0 {
            return Ok(None);
        }
        let cap = self.m.cap(slot);
        let Cap::Frame { device: false, .. } = cap else {
            return Err(InvocationError::IllegalOperation);
        };
        if address & ((1 << IPC_BUFFER_SIZE_BITS) - 1) != 0 {
            return Err(InvocationError::AlignmentError);
        }
        Ok(Some((slot, self.derive(slot, cap)?)))
    }

    /// The `index`-th capability sent, as the root of a capability space with guard `data` (0: as it is).
    fn cspace_root(&self, call: &Invocation, index: usize, data: u64) -> Result<Source, InvocationError> {
        let slot = call.extra_slot(index)?;
        let mut cap = self.m.cap(slot);
        if data != 0 {
            cap = cap
                .with_data(data, false)
                .ok_or(InvocationError::IllegalOperation)?;
        }
        match self.derive(slot, cap)? {
            root @ Cap::CNode { .. } => Ok((slot, root)),
            _ => Err(InvocationError::IllegalOperation),
        }
    }

    /// The `index`-th capability sent, as the root of an address space.
    fn vspace_root(&self, call: &Invocation, index: usize) -> Result<Source, InvocationError> {
        let slot = call.extra_slot(index)?;
        match self.derive(slot, self.m.cap(slot))? {
            root @ Cap::VSpace { .. } => Ok((slot, root)),
            _ => Err(InvocationError::IllegalOperation),
        }
    }

    /// Replaces the capability in one of the thread's slots.
    fn install(&mut self, thread: Tcb, which: TcbSlot, source: Option<Source>) -> Result<(), Preempted> {
        let target = thread.slot(which);
        self.delete(target)?;
        if let Some((slot, cap)) = source
            && self.m.is_empty(target)
            && self.m.cap(slot).same_object(cap)
        {
            self.m.copy_cap(target, cap, slot);
        }
        if which == TcbSlot::VSpace && self.current == Some(thread) {
            self.refresh_vspace();
        }
        Ok(())
    }

    fn set_buffer(&mut self, thread: Tcb, address: u64, frame: Option<Source>) -> Result<(), Preempted> {
        self.install(thread, TcbSlot::Buffer, None)?;
        self.m.set(thread, tcb::BUFFER, address);
        self.install(thread, TcbSlot::Buffer, frame)
    }

    fn configure(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(3, 3)?;
        let (data, address) = (call.word(self, 0), call.word(self, 2));
        let frame = self.buffer_frame(call, 2, address)?;
        let cspace = self.cspace_root(call, 0, data)?;
        let vspace = self.vspace_root(call, 1)?;
        self.install(thread, TcbSlot::CSpace, Some(cspace))?;
        self.install(thread, TcbSlot::VSpace, Some(vspace))?;
        self.set_buffer(thread, address, frame)?;
        Ok(Outcome::Done)
    }

    fn set_space(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(2, 3)?;
        let data = call.word(self, 0);
        let cspace = self.cspace_root(call, 1, data)?;
        let vspace = self.vspace_root(call, 2)?;
        let handler = self.handler(call, 0, 1)?;
        self.install(thread, TcbSlot::FaultHandler, handler)?;
        self.install(thread, TcbSlot::CSpace, Some(cspace))?;
        self.install(thread, TcbSlot::VSpace, Some(vspace))?;
        Ok(Outcome::Done)
    }

    fn set_sched_params(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(2, 3)?;
        let (mcp, priority) = (call.word(self, 0), call.word(self, 1));
        self.check_priority(call, mcp)?;
        self.check_priority(call, priority)?;
        let bound = self.m.get(thread, tcb::SCHED_CONTEXT);
        let context = match call.extra_cap(self, 1)? {
            Cap::SchedContext { sc, .. } => {
                if bound != Some(sc) {
                    self.check_binding(sc, thread)?;
                }
                Some(sc)
            }
            Cap::Null if Some(thread) == self.current => return Err(InvocationError::IllegalOperation.into()),
            Cap::Null => None,
            _ => return Err(InvocationError::InvalidCapability(2).into()),
        };
        let handler = self.handler(call, 2, 3)?;
        self.install(thread, TcbSlot::FaultHandler, handler)?;
        self.m.set(thread, tcb::MCP, mcp);
        self.set_priority(thread, priority);
        match (context, bound) {
            (Some(new), old) if old != Some(new) => self.bind_context(new, thread),
            (None, Some(old)) => self.unbind_thread(old),
            _ => {}
        }
        Ok(Outcome::Done)
    }

    /// Can the context be bound to the thread?
    pub(crate) fn check_binding(&self, sc: SchedContext, thread: Tcb) -> Result<(), InvocationError> {
        let taken =
            self.m.get(thread, tcb::SCHED_CONTEXT).is_some() || self.m.get(sc, sched_context::TCB).is_some();
        let blocked = matches!(
            self.state(thread),
            State::Receiving | State::Sending | State::Replying | State::Waiting
        );
        let ready = self.m.is_active(sc) && self.m.can_run(sc, self.now);
        if taken || (blocked && !ready) {
            return Err(InvocationError::IllegalOperation);
        }
        Ok(())
    }

    fn bind_to_notification(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(0, 1)?;
        if self.m.get(thread, tcb::NOTIFICATION).is_some() {
            return Err(InvocationError::IllegalOperation.into());
        }
        let Cap::Notification { ntfn, rights, .. } = call.extra_cap(self, 0)? else {
            return Err(InvocationError::IllegalOperation.into());
        };
        let waited_for = self.notification_queue(ntfn).head.is_some();
        if !rights.read() || waited_for || self.m.get(ntfn, notification::BOUND_TCB).is_some() {
            return Err(InvocationError::IllegalOperation.into());
        }
        self.bind_notification(thread, ntfn);
        Ok(Outcome::Done)
    }
}
