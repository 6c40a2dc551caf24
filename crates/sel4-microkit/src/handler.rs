//! The event loop.

use core::fmt;

pub use core::convert::Infallible;

use crate::defer::{DeferredAction, PreparedDeferredAction};
use crate::ipc::{self, ChannelSet, Event};
use crate::{Channel, Child, MessageInfo, pd_is_passive, symbols};

/// What a protection domain does when something arrives.
pub trait Handler {
    /// Error type returned by this protection domain's entry points.
    type Error: fmt::Display;

    /// Other protection domains or interrupts signalled these channels.
    ///
    /// The default implementation panics.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        panic!("unexpected notification from channels {}", channels.display())
    }

    /// A protection domain calls; the message registers are [`get_mr`](crate::get_mr)'s. The result is the answer.
    ///
    /// The default implementation panics.
    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        panic!("unexpected protected procedure call from channel {channel:?} with msg_info={msg_info:?}")
    }

    /// A child faulted. The result is the answer that lets it go on, or none.
    ///
    /// The default implementation panics.
    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, Self::Error> {
        panic!("unexpected fault from protection domain {child:?} with msg_info={msg_info:?}")
    }

    /// An advanced feature for use by protection domains which seek to coalesce system calls when possible: the
    /// main loop sends this with the next receive. The default is none.
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }

    #[doc(hidden)]
    fn run(&mut self) -> Result<Never, Self::Error> {
        let mut reply_tag: Option<MessageInfo> = None;
        let mut prepared_deferred_action: Option<PreparedDeferredAction> =
            pd_is_passive().then(ipc::forfeit_sc);

        // An interrupt may have been delivered to a predecessor (or before the handler was bound), and its line
        // is masked until it is acknowledged: https://github.com/seL4/seL4/issues/1536.
        for channel in ChannelSet::from_bits(symbols::pd_irqs() as sel4::Badge).iter() {
            // Failure is the creator's business: without the capability every later acknowledgement fails too.
            let _ = channel.irq_ack();
        }

        loop {
            let event = match (reply_tag.take(), prepared_deferred_action.take()) {
                (Some(msg_info), action) => {
                    if let Some(action) = action {
                        ipc::send(action);
                    }
                    ipc::reply_recv(msg_info)
                }
                (None, Some(action)) => ipc::nb_send_recv(action),
                (None, None) => ipc::recv(),
            };

            match event {
                Event::Notified(channels) => self.notified(channels)?,
                Event::Protected(channel, msg_info) => reply_tag = Some(self.protected(channel, msg_info)?),
                Event::Fault(child, msg_info) => reply_tag = self.fault(child, msg_info)?,
            }

            prepared_deferred_action = self.take_deferred_action().as_ref().map(DeferredAction::prepare);
        }
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum Never {}

impl Handler for Never {
    type Error = Infallible;
}

/// The [`Handler`] of a protection domain that waits for nothing: every method is the default one.
pub struct NullHandler(());

impl NullHandler {
    /// The only value.
    #[allow(clippy::new_without_default)] // As upstream.
    pub fn new() -> Self {
        Self(())
    }
}

impl Handler for NullHandler {
    type Error = Infallible;
}
