//! Who sent a message to root's endpoint: the badge, which only root can write.

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A static PD faulted, or (passive) asks to give up its scheduling context.
    StaticPd(usize),
    /// A driver generation faulted.
    Driver {
        /// Device slot.
        slot: usize,
        /// Which of the slot's places it is built in.
        place: usize,
    },
    /// A PD with a role calls: index of its caller record.
    Caller(usize),
    /// Somebody calls this static PD, which is dead for good.
    OfDead(usize),
}

const KIND_SHIFT: u32 = 32;
const STATIC: u64 = 1 << KIND_SHIFT;
const DRIVER: u64 = 2 << KIND_SHIFT;
const CALLER: u64 = 3 << KIND_SHIFT;
const OF_DEAD: u64 = 4 << KIND_SHIFT;
const PLACE_BITS: u32 = 8;

impl Sender {
    /// The badge that says so.
    pub fn badge(self) -> u64 {
        match self {
            Self::StaticPd(pd) => STATIC | pd as u64,
            Self::Driver { slot, place } => DRIVER | (slot as u64) << PLACE_BITS | place as u64,
            Self::Caller(caller) => CALLER | caller as u64,
            Self::OfDead(pd) => OF_DEAD | pd as u64,
        }
    }
    /// What a badge says.
    pub fn from_badge(badge: u64) -> Option<Self> {
        let low = (badge & ((1 << KIND_SHIFT) - 1)) as usize;
        match badge >> KIND_SHIFT << KIND_SHIFT {
            STATIC => Some(Self::StaticPd(low)),
            DRIVER => Some(Self::Driver {
                slot: low >> PLACE_BITS,
                place: low & ((1 << PLACE_BITS) - 1),
            }),
            CALLER => Some(Self::Caller(low)),
            OF_DEAD => Some(Self::OfDead(low)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_name_their_sender() {
        for sender in [
            Sender::StaticPd(0),
            Sender::StaticPd(62),
            Sender::Driver { slot: 3, place: 2 },
            Sender::Caller(2),
            Sender::OfDead(5),
        ] {
            assert_eq!(Sender::from_badge(sender.badge()), Some(sender));
        }
        assert_eq!(Sender::from_badge(0), None);
        assert_eq!(Sender::from_badge(u64::MAX), None);
    }
}
