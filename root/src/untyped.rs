//! Where objects come from: the kernel's rules of untyped memory, foreseen.
//!
//! An untyped gives out memory in ascending order and each object at a multiple of its size; what is passed over is lost
//! until everything in it is deleted. Root keeps account so that it knows the physical address of what it creates and
//! never sees an error from the kernel.

use heapless::Vec;

/// Most untypeds root accounts for: the kernel's 230 at most, and what is split off.
pub const MAX_UNTYPEDS: usize = 320;
/// Largest untyped that is split off in a gap.
const MAX_GAP_BITS: u32 = 47;
/// Smallest untyped.
const MIN_BITS: u32 = 4;

/// An untyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untyped {
    /// Its capability's slot.
    pub slot: u64,
    /// Physical address.
    pub paddr: u64,
    /// Size in bits.
    pub size_bits: u32,
    /// Registers rather than memory.
    pub device: bool,
    /// Bytes given out or passed over.
    pub used: u64,
}

impl Untyped {
    fn end(&self) -> u64 {
        self.paddr + (1 << self.size_bits)
    }
    /// Where `count` objects of this size would lie.
    fn next(&self, size_bits: u32, count: u64) -> Option<u64> {
        let start = (self.paddr + self.used).checked_next_multiple_of(1 << size_bits)?;
        let len = count.checked_mul(1 << size_bits)?;
        (start.checked_add(len)? <= self.end()).then_some(start)
    }
}

/// Memory for objects that lie one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Slot of the untyped to retype.
    pub slot: u64,
    /// Physical address of the first object.
    pub paddr: u64,
}

/// A piece of memory to be passed over, split off as an untyped of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Slot of the untyped to retype.
    pub slot: u64,
    /// Size of the piece in bits.
    pub size_bits: u32,
}

/// All untypeds.
#[derive(Clone, Debug, Default)]
pub struct Untypeds {
    list: Vec<Untyped, MAX_UNTYPEDS>,
}

/// Why there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// No untyped has room.
    Memory,
    /// No untyped holds that physical address, or it was passed already.
    Address,
    /// The list is full.
    List,
}

impl Untypeds {
    /// Without memory.
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }
    /// Adds an unused untyped.
    pub fn add(&mut self, untyped: Untyped) -> Result<(), Lack> {
        self.list.push(untyped).map_err(|_| Lack::List)
    }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Untyped> {
        self.list.iter()
    }

    /// Takes memory for `count` objects of `size_bits`, physically contiguous, from the fullest untyped that has room.
    pub fn take(&mut self, size_bits: u32, count: u64) -> Result<Taken, Lack> {
        let with_room = self
            .list
            .iter_mut()
            .filter(|u| !u.device && u.next(size_bits, count).is_some());
        let untyped = with_room
            .min_by_key(|u| (1 << u.size_bits) - u.used)
            .ok_or(Lack::Memory)?;
        take(untyped, size_bits, count).ok_or(Lack::Memory)
    }

    /// The next piece to split off so that `count` objects of `size_bits` can lie at `paddr`; `None` when they can.
    pub fn gap(&mut self, paddr: u64, size_bits: u32, count: u64) -> Result<Option<Gap>, Lack> {
        let untyped = self.holder(paddr, size_bits, count)?;
        let from = untyped.paddr + untyped.used;
        if from == paddr {
            return Ok(None);
        }
        let aligned = if from == 0 {
            MAX_GAP_BITS
        } else {
            from.trailing_zeros()
        };
        let fitting = (paddr - from).ilog2();
        let size_bits = aligned.min(fitting).min(MAX_GAP_BITS);
        if size_bits < MIN_BITS {
            return Err(Lack::Address);
        }
        untyped.used += 1 << size_bits;
        Ok(Some(Gap {
            slot: untyped.slot,
            size_bits,
        }))
    }

    /// Takes memory at `paddr`, after [`gap`](Self::gap) has said `None`.
    pub fn take_at(&mut self, paddr: u64, size_bits: u32, count: u64) -> Result<Taken, Lack> {
        let untyped = self.holder(paddr, size_bits, count)?;
        if untyped.next(size_bits, count) != Some(paddr) {
            return Err(Lack::Address);
        }
        take(untyped, size_bits, count).ok_or(Lack::Address)
    }

    fn holder(&mut self, paddr: u64, size_bits: u32, count: u64) -> Result<&mut Untyped, Lack> {
        let len = count.checked_mul(1 << size_bits).ok_or(Lack::Address)?;
        let end = paddr.checked_add(len).ok_or(Lack::Address)?;
        let holds = |u: &&mut Untyped| u.paddr + u.used <= paddr && end <= u.end();
        self.list.iter_mut().find(holds).ok_or(Lack::Address)
    }
}

fn take(untyped: &mut Untyped, size_bits: u32, count: u64) -> Option<Taken> {
    let paddr = untyped.next(size_bits, count)?;
    untyped.used = paddr - untyped.paddr + (count << size_bits);
    Some(Taken {
        slot: untyped.slot,
        paddr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn untyped(slot: u64, paddr: u64, size_bits: u32, device: bool) -> Untyped {
        Untyped {
            slot,
            paddr,
            size_bits,
            device,
            used: 0,
        }
    }

    #[test]
    fn the_fullest_untyped_with_room_is_used() {
        let mut all = Untypeds::new();
        all.add(untyped(1, 0x4000_0000, 30, false)).unwrap();
        all.add(untyped(2, 0x100_0000, 14, false)).unwrap();
        all.add(untyped(3, 0x10_0000, 20, true)).unwrap();
        assert_eq!(
            all.take(12, 3),
            Ok(Taken {
                slot: 2,
                paddr: 0x100_0000
            })
        );
        assert_eq!(
            all.take(12, 2),
            Ok(Taken {
                slot: 1,
                paddr: 0x4000_0000
            })
        );
        assert_eq!(
            all.take(12, 1),
            Ok(Taken {
                slot: 2,
                paddr: 0x100_3000
            })
        );
        assert_eq!(all.take(31, 1), Err(Lack::Memory));
    }

    #[test]
    fn a_page_in_the_middle_of_device_memory_is_reached_by_splitting_off_what_lies_before() {
        let mut all = Untypeds::new();
        all.add(untyped(7, 0xa00_0000, 25, true)).unwrap();
        let mut at = 0xa00_0000;
        while let Some(gap) = all.gap(0xa00_3000, 12, 1).unwrap() {
            assert!(at % (1u64 << gap.size_bits) == 0);
            at += 1u64 << gap.size_bits;
        }
        assert_eq!(at, 0xa00_3000);
        assert_eq!(all.take_at(0xa00_3000, 12, 1).unwrap().paddr, 0xa00_3000);
        assert_eq!(all.gap(0xa00_2000, 12, 1), Err(Lack::Address));
    }

    proptest! {
        /// What is taken never overlaps and never leaves its untyped.
        #[test]
        fn nothing_is_given_out_twice(requests in prop::collection::vec((4u32..16, 1u64..9), 1..80)) {
            let mut all = Untypeds::new();
            all.add(untyped(1, 0x4000_0000, 20, false)).unwrap();
            all.add(untyped(2, 0x5000_0000, 16, false)).unwrap();
            let mut given: std::vec::Vec<(u64, u64)> = std::vec::Vec::new();
            for (bits, count) in requests {
                let Ok(taken) = all.take(bits, count) else { continue };
                let range = (taken.paddr, taken.paddr + (count << bits));
                prop_assert!(taken.paddr % (1 << bits) == 0);
                prop_assert!(given.iter().all(|g| range.1 <= g.0 || g.1 <= range.0));
                let (start, end) = if taken.slot == 1 { (0x4000_0000, 0x4010_0000) } else { (0x5000_0000, 0x5001_0000) };
                prop_assert!(start <= range.0 && range.1 <= end);
                given.push(range);
            }
        }
    }
}
