//! Interrupts as messages (PCI 6.8.2): a table in the device's memory says what to write where.

use crate::capability::{self, Capability};
use crate::{Config, ConfigMut, Mmio, Place};

const ID: u8 = 0x11;
/// Message control, in the upper half of the first word: on, and all vectors masked.
const ON: u32 = 1 << 31;
const ALL_MASKED: u32 = 1 << 30;
/// Bytes of an entry.
const ENTRY: u32 = 16;
/// Vector control: masked.
const MASKED: u32 = 1;

/// The capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msix {
    capability: Capability,
    /// Where the table is.
    pub table: Place,
}

/// The function's, if it can do that.
pub fn find(config: &impl Config) -> Option<Msix> {
    let capability = capability::find(config, ID)?;
    let entries = (capability.word(config, 0)? >> 16 & 0x7ff) + 1;
    let table = capability.word(config, 1)?;
    Some(Msix {
        capability,
        table: Place {
            bar: (table & 7) as u8,
            offset: table & !7,
            len: entries * ENTRY,
        },
    })
}

/// Whether the function sends messages.
pub fn is_on(config: &impl Config) -> bool {
    let capability = capability::find(config, ID);
    capability
        .and_then(|capability| capability.word(config, 0))
        .is_some_and(|word| word & ON != 0)
}

/// Has the function send none. False: it does not read back.
pub fn switch_off(config: &mut impl ConfigMut) -> bool {
    capability::clear(config, ID, ON)
}

impl Msix {
    /// Lets vector 0 write `data` to `address` and masks all others; `table` is the table, as many bytes as
    /// [`self.table`](Self::table) says. `false`: it does not read back.
    pub fn aim(&self, config: &mut impl ConfigMut, table: &mut impl Mmio, address: u64, data: u32) -> bool {
        self.switch(config, ON | ALL_MASKED);
        for entry in (0..self.table.len).step_by(ENTRY as usize) {
            let used = entry == 0;
            let words = [
                if used { address as u32 } else { 0 },
                if used { (address >> 32) as u32 } else { 0 },
                if used { data } else { 0 },
                if used { 0 } else { MASKED },
            ];
            for (offset, word) in (entry as usize..).step_by(4).zip(words) {
                table.write(offset, word);
            }
            if (entry as usize..)
                .step_by(4)
                .zip(words)
                .any(|(offset, word)| table.read(offset) != word)
            {
                return false;
            }
        }
        self.switch(config, ON)
    }

    fn switch(&self, config: &mut impl ConfigMut, bits: u32) -> bool {
        let before = config.read(self.capability.offset) & !(ON | ALL_MASKED);
        config.write(self.capability.offset, before | bits);
        config.read(self.capability.offset) & (ON | ALL_MASKED) == bits
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::fake::Fake;
    use std::vec;
    use std::vec::Vec;

    struct Table(Vec<u32>, Option<usize>);

    impl Mmio for Table {
        fn read(&self, offset: usize) -> u32 {
            self.0[offset / 4]
        }
        fn write(&mut self, offset: usize, value: u32) {
            if self.1 != Some(offset) {
                self.0[offset / 4] = value;
            }
        }
    }

    fn device() -> Fake {
        let mut fake = Fake::device();
        fake.capability(0x98, &[0x0001_0011, 1, 0x801]);
        fake.writable[0x98 / 4] = ON | ALL_MASKED;
        fake
    }

    #[test]
    fn one_vector_is_aimed_and_the_others_are_masked() {
        let mut fake = device();
        let msix = find(&fake).unwrap();
        assert_eq!(
            msix.table,
            Place {
                bar: 1,
                offset: 0,
                len: 32
            }
        );
        let mut table = Table(vec![7; 8], None);
        assert!(msix.aim(&mut fake, &mut table, 0x1_0802_0040, 80));
        assert_eq!(table.0, [0x0802_0040, 1, 80, 0, 0, 0, 0, 1]);
        assert_eq!(fake.read(0x98) >> 30, 2);
        assert!(is_on(&fake));
    }

    #[test]
    fn what_does_not_read_back_is_not_believed() {
        let mut fake = device();
        let msix = find(&fake).unwrap();
        assert!(!msix.aim(&mut fake, &mut Table(vec![7; 8], Some(8)), 1, 80));
        fake.writable[0x98 / 4] = 0;
        assert!(!msix.aim(&mut fake, &mut Table(vec![7; 8], None), 1, 80));
    }
}
