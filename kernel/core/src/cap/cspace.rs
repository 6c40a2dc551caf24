//! Resolving capability pointers: guarded page tables of slots.

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::object::{Slot, slot};

/// Why a capability pointer did not resolve (manual: "Lookup Failure Description").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupFault {
    /// The root is not a CNode.
    InvalidRoot,
    /// The slot is empty or its capability lacks what is needed.
    MissingCapability {
        /// Bits not yet translated.
        bits_left: u64,
    },
    /// Too many or too few bits.
    DepthMismatch {
        /// Bits not yet translated.
        bits_left: u64,
        /// Bits that the CNode reached resolves.
        bits_found: u64,
    },
    /// A guard does not match.
    GuardMismatch {
        /// Bits not yet translated.
        bits_left: u64,
        /// The guard found.
        guard: u64,
        /// Its size.
        guard_bits: u64,
    },
}

impl LookupFault {
    /// The description as message words: type, then parameters; and how many of the words mean something.
    pub fn words(self) -> ([u64; 4], usize) {
        match self {
            Self::InvalidRoot => ([1, 0, 0, 0], 1),
            Self::MissingCapability { bits_left } => ([2, bits_left, 0, 0], 2),
            Self::DepthMismatch {
                bits_left,
                bits_found,
            } => ([3, bits_left, bits_found, 0], 3),
            Self::GuardMismatch {
                bits_left,
                guard,
                guard_bits,
            } => ([4, bits_left, guard, guard_bits], 4),
        }
    }

    /// The inverse of [`words`](Self::words).
    pub fn from_words(words: [u64; 4]) -> Self {
        match words[0] {
            2 => Self::MissingCapability { bits_left: words[1] },
            3 => Self::DepthMismatch {
                bits_left: words[1],
                bits_found: words[2],
            },
            4 => Self::GuardMismatch {
                bits_left: words[1],
                guard: words[2],
                guard_bits: words[3],
            },
            _ => Self::InvalidRoot,
        }
    }
}

/// The low `bits` bits (0 to 63).
const fn low(bits: u64) -> u64 {
    (1 << bits) - 1
}

/// Resolves the low `bits` bits (1 to 64) of `cptr` from `root` on: the slot reached and how many bits are left.
#[inline]
pub fn resolve(tree: &impl Tree, root: Cap, cptr: u64, bits: u64) -> Result<(Slot, u64), LookupFault> {
    let mut node = root;
    let mut left = bits;
    loop {
        let Cap::CNode {
            at,
            radix,
            guard,
            guard_bits,
        } = node
        else {
            // Only the root can be something else: further nodes are checked below.
            return Err(LookupFault::InvalidRoot);
        };
        let (radix, guard_bits) = (radix as u64, guard_bits as u64);
        let found = cptr >> (left.wrapping_sub(guard_bits) & 63) & low(guard_bits);
        if guard_bits > left || found != guard {
            return Err(LookupFault::GuardMismatch {
                bits_left: left,
                guard,
                guard_bits,
            });
        }
        let level = radix + guard_bits;
        if level > left {
            return Err(LookupFault::DepthMismatch {
                bits_left: left,
                bits_found: level,
            });
        }
        left -= level;
        let slot = slot::nth(at, cptr >> (left & 63) & low(radix));
        if left == 0 {
            return Ok((slot, 0));
        }
        node = tree.cap(slot);
        if !matches!(node, Cap::CNode { .. }) {
            return Ok((slot, left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use proptest::prelude::*;

    fn node(at: u64, radix: u8, guard: u64, guard_bits: u8) -> Cap {
        Cap::CNode {
            at,
            radix,
            guard,
            guard_bits,
        }
    }

    #[test]
    fn one_level_resolves_every_slot() {
        let arena = Arena::new(1 << 12);
        let root = node(arena.base(), 4, 0, 60);
        for i in 0..16 {
            assert_eq!(resolve(&arena, root, i, 64), Ok((slot::nth(arena.base(), i), 0)));
        }
        assert_eq!(
            resolve(&arena, root, 16, 64),
            Err(LookupFault::GuardMismatch {
                bits_left: 64,
                guard: 0,
                guard_bits: 60
            })
        );
    }

    #[test]
    fn second_level_reports_what_is_left() {
        let mut arena = Arena::new(1 << 12);
        let inner = node(arena.base() + 0x200, 3, 2, 2);
        let root = node(arena.base(), 4, 0, 55);
        arena.plant(slot::nth(arena.base(), 5), inner);
        let cptr = 5 << 5 | 2 << 3 | 6;
        assert_eq!(
            resolve(&arena, root, cptr, 64),
            Ok((slot::nth(arena.base() + 0x200, 6), 0))
        );
        assert_eq!(
            resolve(&arena, root, 5 << 5 | 1 << 3, 64),
            Err(LookupFault::GuardMismatch {
                bits_left: 5,
                guard: 2,
                guard_bits: 2
            })
        );
        assert_eq!(
            resolve(&arena, root, 4 << 5, 64),
            Ok((slot::nth(arena.base(), 4), 5))
        );
        assert_eq!(
            resolve(&arena, node(arena.base(), 4, 0, 0), 5, 3),
            Err(LookupFault::DepthMismatch {
                bits_left: 3,
                bits_found: 4
            })
        );
        assert_eq!(resolve(&arena, Cap::Domain, 5, 64), Err(LookupFault::InvalidRoot));
    }

    proptest! {
        #[test]
        fn never_leaves_the_node(radix in 1u8..8, guard_bits in 0u8..56, cptr: u64, bits in 1u64..=64) {
            let arena = Arena::new(1 << 13);
            let root = node(arena.base(), radix, 0, guard_bits);
            if let Ok((slot, left)) = resolve(&arena, root, cptr, bits) {
                prop_assert!(slot.addr() >= arena.base());
                prop_assert!(slot.addr() < arena.base() + (32 << radix));
                prop_assert_eq!(left, bits - radix as u64 - guard_bits as u64);
            }
        }
    }
}
