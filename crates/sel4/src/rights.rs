//! What a capability allows, and what it says: rights and guards.

use crate::Word;
use sel4_abi::{WORD_BITS, cap_data, rights};

/// C: `seL4_CapRights_t`: rights of a capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapRights(rights::CapRights);

impl CapRights {
    /// To call or answer, to pass capabilities on, to read or receive, to write or send.
    pub const fn new(grant_reply: bool, grant: bool, read: bool, write: bool) -> Self {
        Self(rights::CapRights::new(grant_reply, grant, read, write))
    }

    /// Every right.
    pub const fn all() -> Self {
        Self(rights::CapRights::ALL)
    }

    /// To read and write, or to receive and send.
    pub const fn read_write() -> Self {
        Self(rights::CapRights::READ_WRITE)
    }

    /// To read, or receive.
    pub const fn read_only() -> Self {
        Self(rights::CapRights::READ)
    }

    /// To write, or send.
    pub const fn write_only() -> Self {
        Self(rights::CapRights::WRITE)
    }

    pub(crate) const fn into_word(self) -> Word {
        self.0.into_word()
    }
}

/// C: `seL4_CNode_CapData`: guard of a CNode, the bits that an address must begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CNodeCapData(cap_data::CNodeCapData);

impl CNodeCapData {
    /// A guard of zeroes, that many.
    pub const fn skip(num_bits: usize) -> Self {
        Self(cap_data::CNodeCapData::new(0, num_bits as Word))
    }

    /// A guard of zeroes, as many as a word has beyond the index of a CNode of `2^cnode_size_bits` slots.
    pub const fn skip_high_bits(cnode_size_bits: usize) -> Self {
        Self::skip(WORD_BITS - cnode_size_bits)
    }

    pub(crate) const fn into_word(self) -> Word {
        self.0.into_word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_and_an_index_are_a_word() {
        assert_eq!(CNodeCapData::skip_high_bits(9).into_word(), 55);
        assert_eq!(CNodeCapData::skip(0).into_word(), 0);
    }
}
