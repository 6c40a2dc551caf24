//! Channels to other protection domains, and children.

use core::fmt;

use crate::MessageInfo;
use crate::symbols::{pd_irqs, pd_notifications, pd_pps};
use sel4_abi::microkit::{MAX_CHANNELS, slot};

/// One of this protection domain's channels, by the number the system description gives it.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Channel {
    index: usize,
}

impl Channel {
    /// The channel with that index; panics for more than 61.
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CHANNELS);
        Self { index }
    }

    /// Its index.
    pub const fn index(&self) -> usize {
        self.index
    }

    fn cap<T: ChannelFacet>(&self) -> sel4::Cap<T> {
        if T::mask() & (1 << self.index) == 0 {
            panic!("{}: not valid for channel '{}'", T::METHOD_NAME, self.index);
        }
        sel4::Cap::from_bits(T::BASE_SLOT + self.index as sel4::CPtrBits)
    }

    #[doc(hidden)]
    pub fn notification(&self) -> sel4::cap::Notification {
        self.cap()
    }

    #[doc(hidden)]
    pub fn irq_handler(&self) -> sel4::cap::IrqHandler {
        self.cap()
    }

    #[doc(hidden)]
    pub fn endpoint(&self) -> sel4::cap::Endpoint {
        self.cap()
    }

    /// C: `microkit_notify`. Panics if the channel may not be notified.
    pub fn notify(&self) {
        self.notification().signal()
    }

    /// C: `microkit_irq_ack`. Panics if the channel is no interrupt.
    pub fn irq_ack(&self) -> Result<(), IrqAckError> {
        self.irq_handler().irq_handler_ack().map_err(IrqAckError)
    }

    /// C: `microkit_ppcall`. Panics if the channel may not be called.
    pub fn pp_call(&self, msg_info: MessageInfo) -> MessageInfo {
        MessageInfo::from_inner(self.endpoint().call(msg_info.into_inner()))
    }
}

/// One way to use a channel.
trait ChannelFacet: sel4::CapType {
    const METHOD_NAME: &str;
    const BASE_SLOT: sel4::CPtrBits;

    /// Bit set of the channels it is valid for.
    fn mask() -> usize;
}

impl ChannelFacet for sel4::cap_type::Notification {
    const METHOD_NAME: &str = "notify";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_OUTPUT_NOTIFICATION;

    fn mask() -> usize {
        pd_notifications()
    }
}

impl ChannelFacet for sel4::cap_type::IrqHandler {
    const METHOD_NAME: &str = "irq_ack";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_IRQ;

    fn mask() -> usize {
        pd_irqs()
    }
}

impl ChannelFacet for sel4::cap_type::Endpoint {
    const METHOD_NAME: &str = "pp_call";
    const BASE_SLOT: sel4::CPtrBits = slot::BASE_ENDPOINT;

    fn mask() -> usize {
        pd_pps()
    }
}

/// Why [`Channel::irq_ack`] failed.
#[derive(Debug, PartialEq, Eq)]
pub struct IrqAckError(sel4::Error);

impl fmt::Display for IrqAckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "irq ack error: {:?}", self.0)
    }
}

/// A protection domain that this one looks after, by the number the system description gives it.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Child {
    index: usize,
}

impl Child {
    /// The child with that index.
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    /// Its index.
    pub const fn index(&self) -> usize {
        self.index
    }

    #[doc(hidden)]
    pub fn tcb(&self) -> sel4::cap::Tcb {
        sel4::Cap::from_bits(slot::BASE_TCB + self.index as sel4::CPtrBits)
    }
}
