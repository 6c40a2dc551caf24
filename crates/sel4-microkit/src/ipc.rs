//! What the event loop does with the kernel.

use core::fmt;

use crate::{Channel, Child, MessageInfo, defer::PreparedDeferredAction};
use sel4_abi::microkit::{FAULT_BADGE, MAX_CHANNELS, PPC_BADGE, slot};

const INPUT_CAP: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::INPUT);
const REPLY_CAP: sel4::cap::Reply = sel4::Cap::from_bits(slot::REPLY);
const MONITOR_EP_CAP: sel4::cap::Endpoint = sel4::Cap::from_bits(slot::MONITOR_EP);

/// Bits of a badge that are a channel's or a child's index.
const INDEX_MASK: sel4::Badge = 0x3f;

#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum Event {
    Notified(ChannelSet),
    Protected(Channel, MessageInfo),
    Fault(Child, MessageInfo),
}

impl Event {
    /// Tells apart by the badge, which only the creator could choose.
    fn new((tag, badge): (sel4::MessageInfo, sel4::Badge)) -> Self {
        let index = (badge & INDEX_MASK) as usize;
        if badge & PPC_BADGE != 0 {
            Self::Protected(Channel::new(index), MessageInfo::from_inner(tag))
        } else if badge & FAULT_BADGE != 0 {
            Self::Fault(Child::new(index), MessageInfo::from_inner(tag))
        } else {
            Self::Notified(ChannelSet(badge))
        }
    }
}

/// A set of channels, as signalled together.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelSet(sel4::Badge);

impl ChannelSet {
    /// The channels whose bits are set.
    pub(crate) fn from_bits(bits: sel4::Badge) -> Self {
        Self(bits & ((1 << MAX_CHANNELS) - 1))
    }

    /// Whether the channel is in it.
    pub fn contains(&self, channel: Channel) -> bool {
        self.0 & (1 << channel.index()) != 0
    }

    /// Its channels, in ascending order.
    pub fn iter(&self) -> ChannelSetIter {
        ChannelSetIter(self.0)
    }

    /// For printing.
    pub fn display(&self) -> DisplayChannelSet<'_> {
        DisplayChannelSet(self)
    }
}

#[doc(hidden)]
pub struct ChannelSetIter(sel4::Badge);

impl Iterator for ChannelSetIter {
    type Item = Channel;

    fn next(&mut self) -> Option<Channel> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(Channel::new(index))
    }
}

/// Prints the channels of a set.
pub struct DisplayChannelSet<'a>(&'a ChannelSet);

impl fmt::Display for DisplayChannelSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, channel) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", channel.index())?;
        }
        f.write_str("}")
    }
}

pub fn reply(msg_info: MessageInfo) {
    REPLY_CAP.send(msg_info.into_inner())
}

pub fn recv() -> Event {
    Event::new(INPUT_CAP.recv(REPLY_CAP))
}

pub fn reply_recv(msg_info: MessageInfo) -> Event {
    Event::new(INPUT_CAP.reply_recv(msg_info.into_inner(), REPLY_CAP))
}

pub(crate) fn nb_send_recv(action: PreparedDeferredAction) -> Event {
    Event::new(action.cptr.nb_send_recv(action.msg_info, INPUT_CAP, REPLY_CAP))
}

pub(crate) fn send(action: PreparedDeferredAction) {
    action.cptr.send(action.msg_info)
}

pub(crate) fn forfeit_sc() -> PreparedDeferredAction {
    PreparedDeferredAction {
        cptr: MONITOR_EP_CAP.upcast(),
        msg_info: sel4::MessageInfoBuilder::default().build(),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::format;
    use std::vec::Vec;

    fn event(badge: sel4::Badge) -> Event {
        Event::new((sel4::MessageInfo::new(7, 0, 0, 2), badge))
    }

    #[test]
    fn badges_tell_events_apart() {
        assert!(matches!(event(1 << 63 | 5), Event::Protected(channel, info)
            if channel.index() == 5 && info.label() == 7 && info.count() == 2));
        assert!(matches!(event(1 << 62 | 61), Event::Fault(child, _) if child.index() == 61));
        assert!(matches!(event(1 << 61 | 1), Event::Notified(set) if set.iter().count() == 2));
    }

    #[test]
    fn channels_come_once_each_in_ascending_order() {
        let set = ChannelSet(1 << 61 | 1 << 7 | 1);
        assert_eq!(set.iter().map(|c| c.index()).collect::<Vec<_>>(), [0, 7, 61]);
        assert!(set.contains(Channel::new(7)) && !set.contains(Channel::new(8)));
        assert_eq!(format!("{}", set.display()), "{0, 7, 61}");
        assert_eq!(format!("{}", ChannelSet(0).display()), "{}");
    }

    #[test]
    fn bits_beyond_the_last_channel_are_no_channels() {
        assert_eq!(ChannelSet::from_bits(u64::MAX).iter().count(), 62);
    }
}
