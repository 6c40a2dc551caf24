//! Address spaces.

use core::ops::BitOr;

use crate::Word;

/// Last address that user level can use.
pub const USER_TOP: Word = 0x0000_7fff_ffff_ffff;

/// Levels of translation tables: VSpace and three below.
pub const NUM_LEVELS: usize = 4;

/// Attributes of a mapping (`seL4_ARM_VMAttributes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct VmAttributes(Word);

impl VmAttributes {
    /// Device memory, executable.
    pub const NONE: Self = Self(0);
    /// Normal, cached memory; without it device memory (nGnRnE).
    pub const PAGE_CACHEABLE: Self = Self(1);
    /// No effect on this architecture.
    pub const PARITY_ENABLED: Self = Self(2);
    /// No instruction fetches.
    pub const EXECUTE_NEVER: Self = Self(4);
    /// Cached and executable.
    pub const DEFAULT: Self = Self(3);

    /// Takes a raw word as it is.
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The raw word.
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// Whether all of `other` is in `self`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Default for VmAttributes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BitOr for VmAttributes {
    type Output = Self;

    /// The attributes of both.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
