//! Guards of CNode capabilities.

use crate::{WORD_SIZE, Word, helper_macros::newtype_methods, sys};

/// C: `seL4_CNode_CapData`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CNodeCapData(sys::seL4_CNode_CapData);

impl CNodeCapData {
    newtype_methods!(sys::seL4_CNode_CapData);

    /// A guard of `guard_size` bits with the value `guard`.
    pub fn new(guard: Word, guard_size: usize) -> Self {
        Self(sys::seL4_CNode_CapData::new(guard, guard_size as Word))
    }

    /// A guard of `num_bits` zeroes.
    pub fn skip(num_bits: usize) -> Self {
        Self::new(0, num_bits)
    }

    /// The guard with which a CNode of `2^cnode_size_bits` slots resolves whole words.
    pub fn skip_high_bits(cnode_size_bits: usize) -> Self {
        Self::skip(WORD_SIZE - cnode_size_bits)
    }

    /// The word an invocation wants.
    pub fn into_word(self) -> Word {
        self.0.into_word()
    }
}
