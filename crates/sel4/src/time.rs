//! Methods of scheduling contexts and of the authority to fill them.

use crate::cap::{SchedContext, SchedControl};
use crate::{Badge, CPtr, InvocationContext, Result, Word};
use sel4_abi::invocation::InvocationLabel;

/// C: `seL4_Time`, microseconds.
pub type Time = u64;

impl<C: InvocationContext> SchedControl<C> {
    /// C: `seL4_SchedControl_ConfigureFlags`: budget and period in microseconds, refills beyond the obligatory two, the
    /// badge of timeouts, and [`sched_context_flag`](sel4_abi::thread::sched_context_flag)s.
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
        self.invoke(
            InvocationLabel::SchedControlConfigureFlags,
            words,
            [sched_context.bits()],
        )
    }
}

impl<C: InvocationContext> SchedContext<C> {
    /// C: `seL4_SchedContext_Bind`: gives it to a thread or a notification. No wrapper of this name exists upstream.
    pub fn sched_context_bind(self, object: CPtr) -> Result<()> {
        self.invoke(InvocationLabel::SchedContextBind, [], [object.bits()])
    }

    /// C: `seL4_SchedContext_Unbind`: takes it from whatever has it.
    pub fn unbind(self) -> Result<()> {
        self.invoke(InvocationLabel::SchedContextUnbind, [], [])
    }

    /// C: `seL4_SchedContext_UnbindObject`: takes it from one. No wrapper of this name exists upstream.
    pub fn sched_context_unbind_object(self, object: CPtr) -> Result<()> {
        self.invoke(InvocationLabel::SchedContextUnbindObject, [], [object.bits()])
    }

    /// C: `seL4_SchedContext_Consumed`: microseconds used since the last such question or timeout. No wrapper of this
    /// name exists upstream.
    pub fn sched_context_consumed(self) -> Result<Time> {
        let answer = self.invoke_for(InvocationLabel::SchedContextConsumed, [], []);
        answer.map(|[consumed]| consumed)
    }
}
