//! What arrives: signals, calls and faults, through one capability.

use core::num::NonZero;
use core::{fmt, iter};

use crate::{Channel, Child, DeferredAction, MessageInfo};
use sel4_abi::microkit::{FAULT_BADGE, MAX_CHANNELS, PPC_BADGE, slot};

const INPUT: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::INPUT);
const CALLER: sel4::cap::Reply = sel4::Cap::from_bits(slot::REPLY);
const MONITOR: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::MONITOR_EP);

/// What arrived. Upstream hides this module, for handlers serve better; it is for programs that wait in the middle of
/// something.
#[derive(Clone, Debug)]
pub enum Event {
    /// Signals.
    Notified(ChannelSet),
    /// A call, which waits for an answer.
    Protected(Channel, MessageInfo),
    /// A fault, which waits for an answer or is never answered.
    Fault(Child, MessageInfo),
}

impl Event {
    /// The badge says what it is: the creator chose it when it gave the sender the capability.
    fn arrived((message, badge): (sel4::MessageInfo, sel4::Badge)) -> Self {
        // Most that arrives is signals, and they come without a message.
        if badge & (PPC_BADGE | FAULT_BADGE) == 0 {
            return Self::Notified(ChannelSet(badge));
        }
        let sender = (badge % MAX_BADGED) as usize;
        if badge & PPC_BADGE != 0 {
            Self::Protected(Channel::new(sender), MessageInfo(message))
        } else {
            Self::Fault(Child::new(sender), MessageInfo(message))
        }
    }
}

/// A badge of a call or a fault has the sender's number in bits that hold less than this.
const MAX_BADGED: sel4::Badge = 1 << 6;

/// Waits for what arrives next.
pub fn recv() -> Event {
    Event::arrived(INPUT.recv(CALLER))
}

/// Answers what arrived last, and waits.
pub(crate) fn answer_and_recv(answer: MessageInfo) -> Event {
    Event::arrived(INPUT.reply_recv(answer.0, CALLER))
}

/// Makes a notification that was deferred, and waits: in one system call.
pub(crate) fn notify_and_recv(action: DeferredAction) -> Event {
    let nothing = sel4::MessageInfo::new(0, 0, 0, 0);
    Event::arrived(action.channel.notification().nb_send_recv(nothing, INPUT, CALLER))
}

/// Tells the creator that from now on others' time is enough, and waits: in one system call, because after the first the
/// thread has no time of its own for a second.
pub(crate) fn forfeit_and_recv() -> Event {
    let nothing = sel4::MessageInfo::new(0, 0, 0, 0);
    Event::arrived(MONITOR.nb_send_recv(nothing, INPUT, CALLER))
}

/// Channels, a bit each: those that signals came from since the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelSet(sel4::Badge);

impl ChannelSet {
    /// Those whose bits are set.
    pub(crate) const fn from_bits(bits: usize) -> Self {
        Self(bits as sel4::Badge & ((1 << MAX_CHANNELS) - 1))
    }

    /// Whether a channel is among them.
    pub const fn contains(&self, channel: Channel) -> bool {
        self.0 >> channel.index() & 1 != 0
    }

    /// The set as bits: that of a channel is its number's.
    pub const fn bits(&self) -> u64 {
        self.0
    }

    /// All of them, the lowest number first.
    pub fn iter(&self) -> impl Iterator<Item = Channel> + use<> {
        let mut left = self.0;
        iter::from_fn(move || {
            let lowest = NonZero::new(left)?.trailing_zeros();
            left ^= 1 << lowest;
            Some(Channel::new(lowest as usize))
        })
    }
}

impl fmt::Display for ChannelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|channel| channel.index()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    fn event(badge: sel4::Badge) -> Event {
        Event::arrived((sel4::MessageInfo::new(7, 0, 0, 2), badge))
    }

    #[test]
    fn badges_tell_events_apart() {
        assert!(matches!(event(1 << 63 | 5), Event::Protected(channel, message)
            if channel.index() == 5 && message.label() == 7 && message.count() == 2));
        assert!(matches!(event(1 << 62 | 61), Event::Fault(child, _) if child.index() == 61));
        assert!(matches!(event(1 << 61 | 1), Event::Notified(set) if set.iter().count() == 2));
    }

    #[test]
    fn channels_come_once_each_the_lowest_first() {
        let set = ChannelSet(1 << 61 | 1 << 7 | 1);
        let numbers: Vec<_> = set.iter().map(|channel| channel.index()).collect();
        assert_eq!(numbers, [0, 7, 61]);
        assert!(set.contains(Channel::new(7)) && !set.contains(Channel::new(8)));
        assert_eq!(std::format!("{set} {}", ChannelSet(0)), "{0, 7, 61} {}");
    }

    #[test]
    fn bits_beyond_the_last_channel_are_no_channels() {
        assert_eq!(ChannelSet::from_bits(usize::MAX).iter().count(), 62);
    }
}
