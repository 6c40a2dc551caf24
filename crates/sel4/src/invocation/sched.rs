//! Invocations of scheduling contexts, scheduling control and domain control.

use super::{invoke, invoke_for_word};
use crate::cap::{DomainSet, SchedContext, SchedControl, Tcb};
use crate::{Badge, CPtr, InvocationContext, Result, Word};
use sel4_abi::invocation::InvocationLabel;

/// C: `seL4_Time`: microseconds.
pub type Time = u64;

impl<C: InvocationContext> SchedControl<C> {
    /// C: `seL4_SchedControl_ConfigureFlags`: budget and period in microseconds.
    pub fn sched_control_configure_flags(
        self,
        sched_context: SchedContext,
        budget: Time,
        period: Time,
        extra_refills: Word,
        badge: Badge,
        flags: Word,
    ) -> Result<()> {
        let words = [budget, period, extra_refills, badge, flags];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::SchedControlConfigureFlags,
                words,
                [sched_context.bits()],
            )
        })
    }
}

impl<C: InvocationContext> SchedContext<C> {
    /// C: `seL4_SchedContext_Unbind`.
    pub fn unbind(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::SchedContextUnbind, [], []))
    }

    /// C: `seL4_SchedContext_Bind`: to a TCB or a notification. No wrapper of this name exists upstream.
    pub fn sched_context_bind(self, object: CPtr) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::SchedContextBind,
                [],
                [object.bits()],
            )
        })
    }

    /// C: `seL4_SchedContext_UnbindObject`. No wrapper of this name exists upstream.
    pub fn sched_context_unbind_object(self, object: CPtr) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::SchedContextUnbindObject,
                [],
                [object.bits()],
            )
        })
    }

    /// Corresponds to `seL4_SchedContext_Consumed`: microseconds since the last such question, yield-to or
    /// timeout. No wrapper of this name exists upstream.
    pub fn sched_context_consumed(self) -> Result<Time> {
        self.invoke(|cptr, ipc_buffer| {
            invoke_for_word(ipc_buffer, cptr, InvocationLabel::SchedContextConsumed, [])
        })
    }

    /// Corresponds to `seL4_SchedContext_YieldTo`: microseconds as with
    /// [`sched_context_consumed`](Self::sched_context_consumed). No wrapper of this name exists upstream.
    pub fn sched_context_yield_to(self) -> Result<Time> {
        self.invoke(|cptr, ipc_buffer| {
            invoke_for_word(ipc_buffer, cptr, InvocationLabel::SchedContextYieldTo, [])
        })
    }
}

impl<C: InvocationContext> DomainSet<C> {
    /// C: `seL4_DomainSet_Set`.
    pub fn domain_set_set(self, domain: u8, thread: Tcb) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::DomainSetSet,
                [domain.into()],
                [thread.bits()],
            )
        })
    }

    /// C: `seL4_DomainSet_ScheduleConfigure`.
    pub fn domain_set_schedule_configure(self, index: Word, domain: u8, duration: Time) -> Result<()> {
        let words = [index, domain.into(), duration];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::DomainScheduleConfigure,
                words,
                [],
            )
        })
    }

    /// C: `seL4_DomainSet_ScheduleSetStart`.
    pub fn domain_set_schedule_set_start(self, index: Word) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::DomainScheduleSetStart,
                [index],
                [],
            )
        })
    }
}
