//! Scheduling contexts: binding, asking for time, yielding to.

use sel4_abi::invocation::InvocationLabel;

use crate::cap::Cap;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{Fields, SchedContext, notification, sched_context as context, tcb};

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_sched_context(
        &mut self,
        sc: SchedContext,
        call: &Invocation,
    ) -> Result<Outcome, Trouble> {
        use InvocationLabel as L;
        match call.label {
            Some(L::SchedContextBind) => {
                call.needs(0, 1)?;
                self.bind_object(sc, call.extra_cap(self, 0)?)?;
                Ok(Outcome::Done)
            }
            Some(L::SchedContextUnbind) => {
                let bound = self.m.get(sc, context::TCB);
                if bound.is_some() && bound == self.current {
                    return Err(InvocationError::IllegalOperation.into());
                }
                self.unbind_thread(sc);
                self.unbind_context_notification(sc);
                self.forget_calls(sc);
                Ok(Outcome::Done)
            }
            Some(L::SchedContextUnbindObject) => {
                call.needs(0, 1)?;
                self.unbind_object(sc, call.extra_cap(self, 0)?)?;
                Ok(Outcome::Done)
            }
            Some(L::SchedContextConsumed) => {
                if Some(sc) == self.current_sc {
                    self.settle_account();
                }
                Ok(Outcome::Word(self.take_consumed(sc)))
            }
            Some(L::SchedContextYieldTo) => self.yield_to(sc, call),
            _ => Err(InvocationError::IllegalOperation.into()),
        }
    }

    fn bind_object(&mut self, sc: SchedContext, cap: Cap) -> Result<(), InvocationError> {
        match cap {
            Cap::Tcb(thread) => {
                self.check_binding(sc, thread)?;
                self.bind_context(sc, thread);
            }
            Cap::Notification { ntfn, .. } => {
                if self.m.get(sc, context::NOTIFICATION).is_some()
                    || self.m.get(ntfn, notification::SCHED_CONTEXT).is_some()
                {
                    return Err(InvocationError::IllegalOperation);
                }
                self.m.set(sc, context::NOTIFICATION, Some(ntfn));
                self.m.set(ntfn, notification::SCHED_CONTEXT, Some(sc));
            }
            _ => return Err(InvocationError::InvalidCapability(1)),
        }
        Ok(())
    }

    fn unbind_object(&mut self, sc: SchedContext, cap: Cap) -> Result<(), InvocationError> {
        match cap {
            Cap::Tcb(thread) => {
                if self.m.get(sc, context::TCB) != Some(thread) || self.current == Some(thread) {
                    return Err(InvocationError::IllegalOperation);
                }
                self.unbind_thread(sc);
            }
            Cap::Notification { ntfn, .. } => {
                if self.m.get(sc, context::NOTIFICATION) != Some(ntfn) {
                    return Err(InvocationError::IllegalOperation);
                }
                self.unbind_context_notification(sc);
            }
            _ => return Err(InvocationError::InvalidCapability(1)),
        }
        Ok(())
    }

    fn yield_to(&mut self, sc: SchedContext, call: &Invocation) -> Result<Outcome, Trouble> {
        let target = self
            .m
            .get(sc, context::TCB)
            .ok_or(InvocationError::IllegalOperation)?;
        let priority = self.m.get(target, tcb::PRIORITY);
        if Some(target) == self.current || priority > self.m.get(call.caller, tcb::MCP) {
            return Err(InvocationError::IllegalOperation.into());
        }
        if let Some(other) = self.m.get(sc, context::YIELD_FROM) {
            self.report_yield_to(other);
        }
        self.resume_context(sc);
        if self.is_schedulable(target) {
            self.dequeue(target);
            if priority < self.m.get(call.caller, tcb::PRIORITY) {
                self.enqueue_first(target);
            } else {
                // The answer is given when the caller runs again.
                self.m.set(call.caller, tcb::YIELD_TO, Some(sc));
                self.m.set(sc, context::YIELD_FROM, Some(call.caller));
                self.enqueue_first(call.caller);
                self.enqueue_first(target);
                self.reschedule();
                return Ok(Outcome::Done);
            }
        }
        Ok(Outcome::Word(self.take_consumed(sc)))
    }
}
