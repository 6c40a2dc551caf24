//! Who a protection domain has to do with: channels to others, and children.

use crate::{MessageInfo, symbols};
use sel4_abi::microkit::{MAX_CHANNELS, slot};

/// One end of a connection to another protection domain, or to an interrupt; its number is the system description's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel(usize);

impl Channel {
    /// The channel with that number. Panics if no channel can have it, from 62 on.
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CHANNELS);
        Self(index)
    }

    /// Its number.
    pub const fn index(&self) -> usize {
        self.0
    }

    /// C: `microkit_notify`. Panics if the description does not let this end notify.
    pub fn notify(&self) {
        self.notification().signal();
    }

    /// The other end's notification.
    pub(crate) fn notification(&self) -> sel4::cap::Notification {
        let to = self.if_among(symbols::notifications(), "notified") + slot::BASE_OUTPUT_NOTIFICATION;
        sel4::cap::Notification::from_bits(to)
    }

    /// C: `microkit_irq_ack`: lets the interrupt come again. Panics if the channel is none.
    pub fn irq_ack(&self) -> sel4::Result<()> {
        let irq = self.if_among(symbols::irqs(), "acknowledged") + slot::BASE_IRQ;
        sel4::cap::IrqHandler::from_bits(irq).irq_handler_ack()
    }

    /// C: `microkit_ppcall`: what the other end's [`protected`](crate::Handler::protected) answers. Panics if the
    /// description does not let this end call.
    pub fn pp_call(&self, msg_info: MessageInfo) -> MessageInfo {
        let callee = self.if_among(symbols::pps(), "called") + slot::BASE_ENDPOINT;
        MessageInfo(sel4::cap::Endpoint::from_bits(callee).call(msg_info.0))
    }

    /// The number, which must be in a set.
    fn if_among(self, set: usize, what: &str) -> sel4::CPtrBits {
        assert!(set >> self.0 & 1 != 0, "channel {} cannot be {what}", self.0);
        self.0 as sel4::CPtrBits
    }
}

/// A protection domain whose faults come to this one; its number is the system description's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child(usize);

impl Child {
    /// The child with that number.
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// Its number.
    pub const fn index(&self) -> usize {
        self.0
    }

    /// Its thread.
    pub fn tcb(&self) -> sel4::cap::Tcb {
        sel4::Cap::from_bits(slot::BASE_TCB + self.0 as sel4::CPtrBits)
    }
}
