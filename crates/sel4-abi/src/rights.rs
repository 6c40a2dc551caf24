//! Capability rights.

use crate::Word;

/// Rights of an endpoint, notification, reply or frame capability (`seL4_CapRights_t`): grant-reply 3, grant 2,
/// read 1, write 0. Higher bits are ignored by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CapRights(Word);

/// Bits the kernel looks at (`seL4_CapRightsBits`).
pub const CAP_RIGHTS_BITS: usize = 4;

impl CapRights {
    /// Send, or write to a frame.
    pub const WRITE: Self = Self(1);
    /// Receive, or read a frame.
    pub const READ: Self = Self(1 << 1);
    /// Pass any capability on.
    pub const GRANT: Self = Self(1 << 2);
    /// Pass a reply capability on, that is: call.
    pub const GRANT_REPLY: Self = Self(1 << 3);
    /// No rights.
    pub const NONE: Self = Self(0);
    /// All rights.
    pub const ALL: Self = Self(0xf);
    /// Read and write.
    pub const READ_WRITE: Self = Self(0b11);

    /// Packs the four rights, in libsel4's order.
    pub const fn new(grant_reply: bool, grant: bool, read: bool, write: bool) -> Self {
        Self((grant_reply as Word) << 3 | (grant as Word) << 2 | (read as Word) << 1 | write as Word)
    }

    /// Takes a raw word, ignoring the bits that mean nothing.
    pub const fn from_word(word: Word) -> Self {
        Self(word & Self::ALL.0)
    }

    /// The raw word.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Whether all of `other` is in `self`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// May write or send.
    pub const fn write(self) -> bool {
        self.contains(Self::WRITE)
    }

    /// May read or receive.
    pub const fn read(self) -> bool {
        self.contains(Self::READ)
    }

    /// May pass capabilities on.
    pub const fn grant(self) -> bool {
        self.contains(Self::GRANT)
    }

    /// May call.
    pub const fn grant_reply(self) -> bool {
        self.contains(Self::GRANT_REPLY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_have_libsel4s_bits() {
        assert_eq!(CapRights::new(true, false, false, false).into_word(), 8);
        assert_eq!(CapRights::new(false, true, false, false), CapRights::GRANT);
        assert_eq!(CapRights::new(false, false, true, false), CapRights::READ);
        assert_eq!(CapRights::new(false, false, false, true), CapRights::WRITE);
        assert_eq!(CapRights::from_word(!0), CapRights::ALL);
    }
}
