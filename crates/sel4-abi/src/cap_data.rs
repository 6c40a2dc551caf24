//! The data word of a CNode capability.

use crate::Word;

/// Guard of a CNode capability (`seL4_CNode_CapData`): guard 63..6, guard size 5..0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CNodeCapData(Word);

const SIZE_BITS: usize = 6;
const SIZE_MASK: Word = (1 << SIZE_BITS) - 1;

impl CNodeCapData {
    /// Packs guard and guard size; bits that do not fit are cut off.
    pub const fn new(guard: Word, guard_size: Word) -> Self {
        Self(guard << SIZE_BITS | guard_size & SIZE_MASK)
    }

    /// Takes a raw word as it is.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The raw word.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Bits that an address must begin with.
    pub const fn guard(self) -> Word {
        self.0 >> SIZE_BITS
    }

    /// How many bits that are.
    pub const fn guard_size(self) -> Word {
        self.0 & SIZE_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guard_is_above_its_size() {
        let data = CNodeCapData::new(0x2a, 52);
        assert_eq!(data.into_word(), 0x2a << 6 | 52);
        assert_eq!((data.guard(), data.guard_size()), (0x2a, 52));
    }
}
