//! The event loop.

use core::fmt;

use crate::ipc::{self, ChannelSet, Event};
use crate::{Channel, Child, DeferredAction, Infallible, MessageInfo, symbols};

/// What a protection domain does when something arrives. Where nothing is defined, nothing is expected: it panics.
pub trait Handler {
    /// Why it may end.
    type Error: fmt::Display;

    /// Others signalled, through these channels.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        unexpected(format_args!("signals {channels}"))
    }

    /// Another calls, with what is in the message registers. The result, and what is then in them, is the answer.
    fn protected(&mut self, channel: Channel, msg_info: MessageInfo) -> Result<MessageInfo, Self::Error> {
        unexpected(format_args!("{msg_info:?} through {channel:?}"))
    }

    /// A child faulted, as the message registers say. The result, if there is one, lets it go on.
    fn fault(&mut self, child: Child, msg_info: MessageInfo) -> Result<Option<MessageInfo>, Self::Error> {
        unexpected(format_args!("{msg_info:?}, the fault of {child:?}"))
    }

    /// What the event loop shall do with its wait for what comes next. Asked for after each of the above.
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }
}

#[cold]
fn unexpected(what: fmt::Arguments<'_>) -> ! {
    panic!("not expected: {what}")
}

/// The handler of a protection domain that expects nothing.
#[derive(Debug, Default)]
pub struct NullHandler {}

impl NullHandler {
    /// That handler.
    pub const fn new() -> Self {
        Self {}
    }
}

impl Handler for NullHandler {
    type Error = Infallible;
}

/// Hands over whatever arrives, and answers.
#[cfg_attr(not(target_os = "none"), allow(dead_code))] // Called by the entry point.
pub(crate) fn serve<H: Handler>(handler: &mut H) -> Result<Infallible, H::Error> {
    // An interrupt that was delivered to a predecessor, or before its handler was set, is masked until somebody
    // acknowledges it: https://github.com/seL4/seL4/issues/1536.
    for irq in ChannelSet::from_bits(symbols::irqs()).iter() {
        // It fails if the creator gave no capability. Then later ones fail too, where the program sees it.
        let _ = irq.irq_ack();
    }

    let mut event = if symbols::pd_is_passive() {
        ipc::forfeit_and_recv()
    } else {
        ipc::recv()
    };
    loop {
        let answer = match event {
            Event::Notified(channels) => {
                handler.notified(channels)?;
                None
            }
            Event::Protected(channel, message) => Some(handler.protected(channel, message)?),
            Event::Fault(child, message) => handler.fault(child, message)?,
        };
        event = match (answer, handler.take_deferred_action()) {
            (None, None) => ipc::recv(),
            (None, Some(action)) => ipc::notify_and_recv(action),
            (Some(answer), action) => {
                if let Some(action) = action {
                    action.execute_now();
                }
                ipc::answer_and_recv(answer)
            }
        };
    }
}
