//! Sets of address ranges.

use core::ops::Range;

/// At most `N` disjoint ranges, ascending.
#[derive(Clone)]
pub struct Regions<const N: usize> {
    ranges: [Range<u64>; N],
    count: usize,
}

impl<const N: usize> Default for Regions<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Regions<N> {
    /// No range.
    pub const fn new() -> Self {
        Self {
            ranges: [const { 0..0 }; N],
            count: 0,
        }
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Range<u64>> {
        self.ranges[..self.count].iter()
    }

    /// Adds a range behind the others; `None` if there are too many.
    pub fn add(&mut self, range: Range<u64>) -> Option<()> {
        if range.start < range.end {
            *self.ranges.get_mut(self.count)? = range;
            self.count += 1;
        }
        Some(())
    }

    /// Takes a range out; `None` if that leaves too many.
    pub fn remove(&mut self, hole: Range<u64>) -> Option<()> {
        let mut rest = Self::new();
        for range in self.iter() {
            if hole.start >= hole.end || hole.end <= range.start || hole.start >= range.end {
                rest.add(range.clone())?;
            } else {
                rest.add(range.start..hole.start.max(range.start))?;
                rest.add(hole.end.min(range.end)..range.end)?;
            }
        }
        *self = rest;
        Some(())
    }
}

/// A range as the fewest blocks that are aligned to their size: start and log2 of the size of each.
pub fn split(range: Range<u64>) -> impl Iterator<Item = (u64, u32)> {
    let mut at = range.start;
    core::iter::from_fn(move || {
        if at >= range.end {
            return None;
        }
        let fits = 63 - (range.end - at).leading_zeros();
        let bits = at
            .trailing_zeros()
            .min(fits)
            .min(sel4_abi::object::MAX_UNTYPED_BITS as u32);
        let block = (at, bits);
        at += 1 << bits;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hole_splits_a_range() {
        let mut regions = Regions::<4>::new();
        regions.add(0x1000..0x9000).unwrap();
        regions.remove(0x3000..0x4000).unwrap();
        regions.remove(0..0x2000).unwrap();
        assert_eq!(
            regions.iter().cloned().collect::<Vec<_>>(),
            [0x2000..0x3000, 0x4000..0x9000]
        );
        regions.remove(0x0..0x1_0000).unwrap();
        assert_eq!(regions.iter().count(), 0);
    }

    proptest! {
        #[test]
        fn blocks_cover_the_range_and_are_aligned(start in 0u64..1 << 40, length in 1u64..1 << 40) {
            let mut at = start;
            for (block, bits) in split(start..start + length) {
                prop_assert_eq!(block, at);
                prop_assert_eq!(block % (1 << bits), 0);
                at += 1 << bits;
            }
            prop_assert_eq!(at, start + length);
        }
    }
}
