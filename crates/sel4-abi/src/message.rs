//! Messages: limits, and the message info word.

use crate::Word;

/// Words of a message.
pub const MSG_MAX_LENGTH: usize = 120;
/// Capabilities a message can carry.
pub const MSG_MAX_EXTRA_CAPS: usize = 3;
/// Message words that travel in machine registers.
pub const FAST_MESSAGE_REGISTERS: usize = 4;
/// Bits of the length field.
pub const MSG_LENGTH_BITS: usize = 7;
/// Bits of the extra capabilities field.
pub const MSG_EXTRA_CAP_BITS: usize = 2;
/// Bits of the capabilities-unwrapped field.
pub const MSG_CAPS_UNWRAPPED_BITS: usize = MSG_MAX_EXTRA_CAPS;
/// Bits of the label field.
pub const MSG_LABEL_BITS: usize = 52;

const EXTRA_CAPS_SHIFT: usize = MSG_LENGTH_BITS;
const CAPS_UNWRAPPED_SHIFT: usize = EXTRA_CAPS_SHIFT + MSG_EXTRA_CAP_BITS;
const LABEL_SHIFT: usize = CAPS_UNWRAPPED_SHIFT + MSG_CAPS_UNWRAPPED_BITS;

const fn mask(bits: usize) -> Word {
    (1 << bits) - 1
}

/// The word that describes a message (`seL4_MessageInfo_t`): label 63..12, capabilities unwrapped 11..9, extra
/// capabilities 8..7, length 6..0.
///
/// A word from user level may claim a length beyond [`MSG_MAX_LENGTH`]; the kernel treats it as the maximum,
/// see [`clamped`](Self::clamped).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MessageInfo(Word);

impl MessageInfo {
    /// Packs the fields; bits that do not fit their field are cut off.
    pub const fn new(label: Word, caps_unwrapped: Word, extra_caps: Word, length: Word) -> Self {
        Self(
            label << LABEL_SHIFT
                | (caps_unwrapped & mask(MSG_CAPS_UNWRAPPED_BITS)) << CAPS_UNWRAPPED_SHIFT
                | (extra_caps & mask(MSG_EXTRA_CAP_BITS)) << EXTRA_CAPS_SHIFT
                | length & mask(MSG_LENGTH_BITS),
        )
    }

    /// Takes a raw word as it is.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The raw word.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Label: the method in an invocation, the error in its reply, the fault in a fault message.
    pub const fn label(self) -> Word {
        self.0 >> LABEL_SHIFT
    }

    /// Bit set of the capabilities that arrived as badges, because they name the endpoint they came through.
    pub const fn caps_unwrapped(self) -> Word {
        self.0 >> CAPS_UNWRAPPED_SHIFT & mask(MSG_CAPS_UNWRAPPED_BITS)
    }

    /// Number of capabilities in the message.
    pub const fn extra_caps(self) -> Word {
        self.0 >> EXTRA_CAPS_SHIFT & mask(MSG_EXTRA_CAP_BITS)
    }

    /// Number of words in the message, as claimed.
    pub const fn length(self) -> Word {
        self.0 & mask(MSG_LENGTH_BITS)
    }

    /// The same with the length cut to [`MSG_MAX_LENGTH`].
    pub const fn clamped(self) -> Self {
        if self.length() as usize > MSG_MAX_LENGTH {
            Self(self.0 & !mask(MSG_LENGTH_BITS) | MSG_MAX_LENGTH as Word)
        } else {
            self
        }
    }
}

const _: () = {
    assert!(LABEL_SHIFT + MSG_LABEL_BITS == crate::WORD_BITS);
    assert!(MSG_MAX_EXTRA_CAPS == (1 << MSG_EXTRA_CAP_BITS) - 1);
    assert!(MSG_MAX_LENGTH < 1 << MSG_LENGTH_BITS);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_land_where_libsel4_puts_them() {
        assert_eq!(MessageInfo::new(1, 0, 0, 0).into_word(), 0x1000);
        assert_eq!(MessageInfo::new(0, 0b101, 0, 0).into_word(), 0xa00);
        assert_eq!(MessageInfo::new(0, 0, 3, 0).into_word(), 0x180);
        assert_eq!(MessageInfo::new(0, 0, 0, 120).into_word(), 0x78);
    }

    #[test]
    fn fields_do_not_leak_into_their_neighbours() {
        let info = MessageInfo::new(0, !0, !0, !0);
        assert_eq!((info.label(), info.into_word()), (0, 0xfff));
        let info = MessageInfo::new(!0, 0, 0, 0);
        assert_eq!(
            (info.label(), info.length(), info.extra_caps()),
            ((1 << 52) - 1, 0, 0)
        );
    }

    #[test]
    fn overlong_length_is_cut_and_nothing_else_changes() {
        let info = MessageInfo::new(7, 2, 1, 127).clamped();
        assert_eq!(info, MessageInfo::new(7, 2, 1, 120));
        assert_eq!(MessageInfo::new(7, 2, 1, 120).clamped().length(), 120);
    }
}
