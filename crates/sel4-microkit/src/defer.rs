//! Actions that wait for the next receive.

use crate::{Channel, IrqAckError};
use sel4_abi::invocation::InvocationLabel;

/// An action deferred for system call coalescing using
/// [`Handler::take_deferred_action`](crate::Handler::take_deferred_action).
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct DeferredAction {
    channel: Channel,
    interface: DeferredActionInterface,
}

/// A channel on which one signal can be left for the next wait to send.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum DeferredActionInterface {
    /// [`Channel::notify`].
    Notify,
    /// [`Channel::irq_ack`].
    IrqAck,
}

impl DeferredAction {
    /// The action on that channel.
    pub fn new(channel: Channel, interface: DeferredActionInterface) -> Self {
        Self { channel, interface }
    }

    /// A notification.
    pub fn new_notify(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::Notify)
    }

    /// An acknowledgement.
    pub fn new_irq_ack(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::IrqAck)
    }

    /// The channel.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// What is done on it.
    pub fn interface(&self) -> DeferredActionInterface {
        self.interface
    }

    /// Does it at once.
    pub fn execute_now(self) -> Result<(), IrqAckError> {
        match self.interface {
            DeferredActionInterface::Notify => {
                self.channel.notify();
                Ok(())
            }
            DeferredActionInterface::IrqAck => self.channel.irq_ack(),
        }
    }

    /// The message it consists of.
    pub(crate) fn prepare(&self) -> PreparedDeferredAction {
        match self.interface {
            DeferredActionInterface::Notify => PreparedDeferredAction {
                cptr: self.channel.notification().upcast(),
                msg_info: sel4::MessageInfoBuilder::default().build(),
            },
            DeferredActionInterface::IrqAck => PreparedDeferredAction {
                cptr: self.channel.irq_handler().upcast(),
                msg_info: sel4::MessageInfoBuilder::default()
                    .label(InvocationLabel::IRQAckIRQ.to_raw())
                    .build(),
            },
        }
    }
}

/// A message to send with the next receive.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct PreparedDeferredAction {
    pub(crate) cptr: sel4::cap::Unspecified,
    pub(crate) msg_info: sel4::MessageInfo,
}

/// Utility type for implementing [`Handler::take_deferred_action`](crate::Handler::take_deferred_action).
#[derive(Default)]
pub struct DeferredActionSlot {
    inner: Option<DeferredAction>,
}

impl DeferredActionSlot {
    /// Without an action.
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// Takes the action out.
    pub fn take(&mut self) -> Option<DeferredAction> {
        self.inner.take()
    }

    /// Defers an action; one deferred before is executed now.
    pub fn defer(&mut self, action: DeferredAction) -> Result<(), IrqAckError> {
        self.inner
            .replace(action)
            .map_or(Ok(()), DeferredAction::execute_now)
    }

    /// Defers a notification.
    pub fn defer_notify(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_notify(channel))
    }

    /// Defers an acknowledgement.
    pub fn defer_irq_ack(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_irq_ack(channel))
    }
}
