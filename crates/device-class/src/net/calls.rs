//! Protected calls from a client to the shadow.

use super::Address;

/// The label of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ClientCall {
    /// What the session gives access to. No arguments. Answer: the words of a [`ClientInfo`].
    Info = 1,
    /// Receive what this filter says from now on, after updates too. Arguments: the words of a [`Filter`].
    SetFilter = 2,
    /// What the session has sent and received. No arguments. Answer: the words of a [`Traffic`].
    Traffic = 3,
    /// What was not sent and not received. No arguments. Answer: the words of a [`Drops`].
    Drops = 4,
    /// What the device received that nobody got. No arguments. Answer: the words of a [`Strays`].
    Strays = 5,
}

impl ClientCall {
    /// From a message label.
    pub fn from_label(label: u64) -> Option<Self> {
        Some(match label {
            1 => Self::Info,
            2 => Self::SetFilter,
            3 => Self::Traffic,
            4 => Self::Drops,
            5 => Self::Strays,
            _ => return None,
        })
    }
}

/// How a protected call of a client ended: the label of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum CallReply {
    /// Done; results in the message registers.
    Ok = 0,
    /// No driver has reported yet, or none has served since frames were answered [`Status::Offline`](super::Status::Offline). The
    /// shadow notifies when one does.
    NotReady = 1,
    /// The device does not take frames for the session's address. This does not change.
    NoAddress = 2,
    /// The session was ended, because the client broke the rules of a link.
    Ended = 3,
    /// The call is not known, or its arguments make no sense.
    Denied = 4,
    /// The device cannot take the frames that the filter asks for.
    Unsupported = 5,
}

impl CallReply {
    /// From the label of an answer; anything unknown is [`CallReply::Denied`]. 9 is not the shadow's, but says that it died
    /// over the call and is started anew.
    pub fn from_label(label: u64) -> Self {
        match label {
            0 => Self::Ok,
            1 | 9 => Self::NotReady,
            2 => Self::NoAddress,
            3 => Self::Ended,
            5 => Self::Unsupported,
            _ => Self::Denied,
        }
    }
}

/// What a session gives access to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The session's own address.
    pub address: Address,
    /// Most payload bytes of a frame.
    pub mtu: u16,
    /// `CAP_*` bits.
    pub flags: u32,
    /// Most bytes of a frame that is cut into segments.
    pub segment_max: u32,
    /// One of the `LINK_*`. The shadow notifies when it changes.
    pub link: u32,
}

impl ClientInfo {
    /// As message words.
    pub fn to_words(self) -> [u64; 4] {
        [
            self.address.to_word() | u64::from(self.mtu) << 48,
            self.flags.into(),
            self.segment_max.into(),
            self.link.into(),
        ]
    }

    /// From message words; `None` if one is out of range.
    pub fn from_words(words: [u64; 4]) -> Option<Self> {
        let narrow = |word| u32::try_from(word).ok();
        Some(Self {
            address: Address::from_word(words[0]),
            mtu: (words[0] >> 48) as u16,
            flags: narrow(words[1])?,
            segment_max: narrow(words[2])?,
            link: narrow(words[3])?,
        })
    }
}

/// Frames to everybody.
pub const FILTER_BROADCAST: u8 = 1 << 0;
/// Frames to all groups.
pub const FILTER_ALL_GROUPS: u8 = 1 << 1;
/// Every frame on the wire, except what is sent to other sessions. Only where the description says `promiscuous`.
pub const FILTER_EVERYTHING: u8 = 1 << 2;

/// What a session receives beside frames to its own address. At first: [`FILTER_BROADCAST`] and no groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `FILTER_*` bits.
    pub flags: u8,
    /// Groups: the bits of [`group_bit`](super::group_bit).
    pub groups: u64,
}

impl Filter {
    /// Broadcast and no groups.
    pub const FIRST: Self = Self {
        flags: FILTER_BROADCAST,
        groups: 0,
    };

    /// As message words.
    pub fn to_words(self) -> [u64; 2] {
        [self.flags.into(), self.groups]
    }

    /// From message words; `None`: a bit is not known.
    pub fn from_words(words: [u64; 2]) -> Option<Self> {
        let known = u64::from(FILTER_BROADCAST | FILTER_ALL_GROUPS | FILTER_EVERYTHING);
        (words[0] & !known == 0).then_some(Self {
            flags: words[0] as u8,
            groups: words[1],
        })
    }
}

/// What a session has sent and received since the shadow started; updates change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Frames received.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

impl Traffic {
    /// As message words.
    pub fn to_words(self) -> [u64; 4] {
        [self.sent, self.sent_bytes, self.received, self.received_bytes]
    }

    /// From message words.
    pub fn from_words([sent, sent_bytes, received, received_bytes]: [u64; 4]) -> Self {
        Self {
            sent,
            sent_bytes,
            received,
            received_bytes,
        }
    }
}

/// What was not sent and not received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Frames for which no buffer was posted.
    pub no_buffer: u64,
    /// Frames that were longer than the buffer that was their turn, and buffers that made no sense.
    pub bad_buffer: u64,
    /// Frames with a source that is not the session's.
    pub spoofed: u64,
    /// Other frames that were not sent.
    pub refused: u64,
}

impl Drops {
    /// As message words.
    pub fn to_words(self) -> [u64; 4] {
        [self.no_buffer, self.bad_buffer, self.spoofed, self.refused]
    }

    /// From message words.
    pub fn from_words([no_buffer, bad_buffer, spoofed, refused]: [u64; 4]) -> Self {
        Self {
            no_buffer,
            bad_buffer,
            spoofed,
            refused,
        }
    }
}

/// Frames of a device that no session got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// Frames that nobody wanted.
    pub unclaimed: u64,
    /// Frames shorter than a header or longer than the device's limit.
    pub misshapen: u64,
    /// Buffers that the driver gave back with an error.
    pub damaged: u64,
}

impl Strays {
    /// As message words.
    pub fn to_words(self) -> [u64; 4] {
        [self.unclaimed, self.misshapen, self.damaged, 0]
    }

    /// From message words.
    pub fn from_words([unclaimed, misshapen, damaged, _]: [u64; 4]) -> Self {
        Self {
            unclaimed,
            misshapen,
            damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_survives_its_words() {
        let info = ClientInfo {
            address: Address([2, 0xff, 3, 4, 5, 0x80]),
            mtu: 0xfedc,
            flags: u32::MAX,
            segment_max: 65536,
            link: 2,
        };
        assert_eq!(ClientInfo::from_words(info.to_words()), Some(info));
        let mut words = info.to_words();
        words[3] = 1 << 32;
        assert_eq!(ClientInfo::from_words(words), None);
    }

    #[test]
    fn filter_with_an_unknown_bit_is_none() {
        let filter = Filter {
            flags: FILTER_ALL_GROUPS | FILTER_EVERYTHING,
            groups: 1 << 63,
        };
        assert_eq!(Filter::from_words(filter.to_words()), Some(filter));
        assert_eq!(Filter::from_words([8, 0]), None);
        assert_eq!(Filter::from_words([1 << 32, 0]), None);
    }

    #[test]
    fn labels_are_those_of_the_calls() {
        for label in 1..=5 {
            assert_eq!(ClientCall::from_label(label).map(|call| call as u64), Some(label));
        }
        assert_eq!(ClientCall::from_label(0).or(ClientCall::from_label(6)), None);
        for label in 0..=5 {
            assert_eq!(CallReply::from_label(label) as u64, label);
        }
        assert_eq!(CallReply::from_label(9), CallReply::NotReady);
    }
}
