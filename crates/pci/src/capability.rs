//! The list of capabilities (PCI 6.7).

use crate::{Config, ConfigMut, header};

const POINTER: u8 = 0x34;
/// Capabilities lie behind the header.
const FIRST: u8 = 0x40;

/// A capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What it is.
    pub id: u8,
    /// Where it starts: a multiple of 4 from 0x40.
    pub offset: u8,
}

impl Capability {
    /// The capability's word `index`, if configuration space goes on that far.
    pub fn word(&self, config: &impl Config, index: u8) -> Option<u32> {
        let offset = index.checked_mul(4)?.checked_add(self.offset)?;
        Some(config.read(offset))
    }
    /// Offset of its word `index`, as [`word`](Self::word).
    pub fn offset_of(&self, index: u8) -> Option<u8> {
        index.checked_mul(4)?.checked_add(self.offset)
    }
}

/// The function's capabilities. A list that leads out of where capabilities lie, or back to one that was seen, ends there.
pub fn all<C: Config>(config: &C) -> Capabilities<'_, C> {
    let next = if header::has_capabilities(config) {
        config.read(POINTER) as u8
    } else {
        0
    };
    Capabilities {
        config,
        next,
        seen: 0,
    }
}

/// The first capability of this kind.
pub fn find(config: &impl Config, id: u8) -> Option<Capability> {
    all(config).find(|capability| capability.id == id)
}

/// Takes `bit` out of the first word of whatever is of this kind. False: something keeps it.
pub(crate) fn clear(config: &mut impl ConfigMut, id: u8, bit: u32) -> bool {
    // A bit per word: what is written may change the list.
    let kind = all(config).filter(|one| one.id == id);
    let words = kind.fold(0u64, |words, one| words | 1 << (one.offset / 4));
    let mut done = true;
    for offset in (0..64u8)
        .filter(|word| words >> word & 1 == 1)
        .map(|word| 4 * word)
    {
        let word = config.read(offset);
        config.write(offset, word & !bit);
        done &= config.read(offset) & bit == 0;
    }
    done
}

/// See [`all`].
#[derive(Clone, Debug)]
pub struct Capabilities<'a, C> {
    config: &'a C,
    next: u8,
    /// Bit per word of configuration space.
    seen: u64,
}

impl<C: Config> Iterator for Capabilities<'_, C> {
    type Item = Capability;

    fn next(&mut self) -> Option<Capability> {
        // The two lowest bits are reserved.
        let offset = self.next & !3;
        let bit = 1u64 << (offset / 4);
        if offset < FIRST || self.seen & bit != 0 {
            return None;
        }
        self.seen |= bit;
        let word = self.config.read(offset);
        self.next = (word >> 8) as u8;
        Some(Capability {
            id: word as u8,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::fake::Fake;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_list_is_followed_to_its_end() {
        let mut fake = Fake::device();
        fake.capability(0x40, &[0x0009]);
        fake.capability(0x84, &[0x0011, 7]);
        fake.capability(0xfc, &[0x0010]);
        let offsets: Vec<_> = all(&fake).map(|c| (c.id, c.offset)).collect();
        assert_eq!(offsets, [(0x10, 0xfc), (0x11, 0x84), (0x09, 0x40)]);
        assert_eq!(find(&fake, 0x11).unwrap().word(&fake, 1), Some(7));
        assert_eq!(find(&fake, 0x10).unwrap().word(&fake, 1), None);
        assert_eq!(find(&fake, 5), None);
        fake.words[1] = 0;
        assert_eq!(all(&fake).count(), 0);
    }

    #[test]
    fn a_list_in_a_circle_ends() {
        let mut fake = Fake::device();
        fake.capability(0x40, &[0x0009]);
        fake.capability(0x50, &[0x0009]);
        fake.words[0x40 / 4] |= 0x50 << 8;
        assert_eq!(all(&fake).count(), 2);
        fake.words[0x50 / 4] = 0x5009;
        assert_eq!(all(&fake).count(), 1);
        // Into the header.
        fake.words[0x50 / 4] = 0x1009;
        assert_eq!(all(&fake).count(), 1);
    }

    #[test]
    fn a_bit_goes_out_of_all_of_a_kind_or_is_missed() {
        let mut fake = Fake::device();
        fake.capability(0x40, &[0x8000_0011]);
        fake.capability(0x50, &[0x8000_0005]);
        fake.capability(0x60, &[0x8000_0011]);
        fake.writable[0x40 / 4] = 1 << 31;
        assert!(!clear(&mut fake, 0x11, 1 << 31), "one cannot");
        assert_eq!(fake.words[0x40 / 4] >> 31, 0, "but the other");
        fake.writable[0x60 / 4] = 1 << 31;
        assert!(clear(&mut fake, 0x11, 1 << 31));
        assert_eq!(fake.words[0x50 / 4] >> 31, 1);
    }

    proptest! {
        #[test]
        fn any_list_ends(words in prop::array::uniform32(any::<u32>()), writable in prop::array::uniform32(any::<u32>())) {
            let fake = Fake::noise(words, writable);
            let found: Vec<_> = all(&fake).collect();
            prop_assert!(found.len() <= 48);
            prop_assert!(found.iter().all(|c| c.offset >= FIRST && c.offset % 4 == 0));
        }
    }
}
