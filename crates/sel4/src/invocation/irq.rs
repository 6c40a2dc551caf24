//! Invocations of interrupt control and interrupt handlers.

use super::invoke;
use crate::cap::{IrqControl, IrqHandler, Notification};
use crate::{AbsoluteCPtr, InvocationContext, Result, Word};
use sel4_abi::invocation::InvocationLabel;

impl<C: InvocationContext> IrqControl<C> {
    /// C: `seL4_IRQControl_Get`.
    pub fn irq_control_get(self, irq: Word, dst: &AbsoluteCPtr) -> Result<()> {
        let words = [irq, dst.path().bits(), dst.path().depth() as Word];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::IRQIssueIRQHandler,
                words,
                [dst.root().bits()],
            )
        })
    }

    /// C: `seL4_IRQControl_GetTrigger`.
    pub fn irq_control_get_trigger(self, irq: Word, edge_triggered: bool, dst: &AbsoluteCPtr) -> Result<()> {
        let words = [
            irq,
            edge_triggered.into(),
            dst.path().bits(),
            dst.path().depth() as Word,
        ];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMIRQIssueIRQHandlerTrigger,
                words,
                [dst.root().bits()],
            )
        })
    }

    /// C: `seL4_IRQControl_IssueSGISignal`. No wrapper of this name exists upstream.
    pub fn irq_control_issue_sgi_signal(self, irq: Word, target: Word, dst: &AbsoluteCPtr) -> Result<()> {
        let words = [irq, target, dst.path().bits(), dst.path().depth() as Word];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMIRQIssueSGISignal,
                words,
                [dst.root().bits()],
            )
        })
    }
}

impl<C: InvocationContext> IrqHandler<C> {
    /// C: `seL4_IRQHandler_Ack`.
    pub fn irq_handler_ack(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::IRQAckIRQ, [], []))
    }

    /// C: `seL4_IRQHandler_SetNotification`.
    pub fn irq_handler_set_notification(self, notification: Notification) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::IRQSetIRQHandler,
                [],
                [notification.bits()],
            )
        })
    }

    /// C: `seL4_IRQHandler_Clear`.
    pub fn irq_handler_clear(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::IRQClearIRQHandler, [], []))
    }
}
