//! Methods of interrupts and of the authority over them.

use crate::cap::{IrqControl, IrqHandler, Notification};
use crate::{AbsoluteCPtr, Badge, InvocationContext, MessageInfo, Result, Word};
use sel4_abi::invocation::InvocationLabel;
use sel4_abi::thread::irq_trigger;

impl<C: InvocationContext> IrqControl<C> {
    /// C: `seL4_IRQControl_Get`: makes a capability to an interrupt.
    pub fn irq_control_get(self, irq: Word, dst: &AbsoluteCPtr) -> Result<()> {
        let [index, depth] = dst.path();
        let words = [irq, index, depth];
        self.invoke(InvocationLabel::IRQIssueIRQHandler, words, [dst.root_bits()])
    }

    /// C: `seL4_IRQControl_GetTrigger`: the same, and says how the line signals.
    pub fn irq_control_get_trigger(self, irq: Word, edge_triggered: bool, dst: &AbsoluteCPtr) -> Result<()> {
        let trigger = if edge_triggered {
            irq_trigger::EDGE
        } else {
            irq_trigger::LEVEL
        };
        let [index, depth] = dst.path();
        let words = [irq, trigger, index, depth];
        self.invoke(
            InvocationLabel::ARMIRQIssueIRQHandlerTrigger,
            words,
            [dst.root_bits()],
        )
    }
}

impl<C: InvocationContext> IrqHandler<C> {
    /// C: `seL4_IRQHandler_Ack`: unmasks it; until then it comes once.
    pub fn irq_handler_ack(self) -> Result<()> {
        self.invoke(InvocationLabel::IRQAckIRQ, [], [])
    }

    /// The same, and waits: in one system call. That there is nothing to acknowledge stays unknown.
    pub fn irq_handler_ack_and_wait(self, src: Notification) -> (MessageInfo, Badge) {
        self.nb_send_wait(MessageInfo::new(InvocationLabel::IRQAckIRQ as Word, 0, 0, 0), src)
    }

    /// C: `seL4_IRQHandler_SetNotification`: what it signals from now on.
    pub fn irq_handler_set_notification(self, notification: Notification) -> Result<()> {
        self.invoke(InvocationLabel::IRQSetIRQHandler, [], [notification.bits()])
    }

    /// C: `seL4_IRQHandler_Clear`: it signals nothing from now on.
    pub fn irq_handler_clear(self) -> Result<()> {
        self.invoke(InvocationLabel::IRQClearIRQHandler, [], [])
    }
}
