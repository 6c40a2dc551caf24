//! What goes into the kernel together with the next wait.

use crate::Channel;

/// A notification that the event loop makes, in one system call with its wait for what comes next. Nobody who runs below the
/// protection domain could have acted on it earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredAction {
    pub(crate) channel: Channel,
}

impl DeferredAction {
    /// C: `microkit_deferred_notify`. Panics, when it is made, if the description does not let this end notify.
    pub const fn new_notify(channel: Channel) -> Self {
        Self { channel }
    }

    /// Makes it now.
    #[inline(never)] // Rare, and a system call takes many registers.
    pub fn execute_now(self) {
        self.channel.notify();
    }
}

/// Room for one action, for [`Handler::take_deferred_action`](crate::Handler::take_deferred_action).
#[derive(Debug, Default)]
pub struct DeferredActionSlot {
    action: Option<DeferredAction>,
}

impl DeferredActionSlot {
    /// Without an action.
    pub const fn new() -> Self {
        Self { action: None }
    }

    /// Takes the action out.
    pub fn take(&mut self) -> Option<DeferredAction> {
        self.action.take()
    }

    /// Defers a notification. One that was deferred before is made now.
    #[inline]
    pub fn defer_notify(&mut self, channel: Channel) {
        if let Some(before) = self.action.replace(DeferredAction::new_notify(channel)) {
            before.execute_now();
        }
    }
}
