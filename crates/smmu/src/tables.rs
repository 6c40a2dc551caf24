//! Tables of translations: identity, page by page, from a fixed number of tables.

use crate::entry::{DEVICE, INPUT_BITS, NORMAL};
use crate::memory::{Memory, PAGE, SPACE_TABLES};

/// What a device may do with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Read,
    /// Read and write it.
    Write,
    /// Write to registers: an interrupt controller's doorbell.
    Registers,
}

/// Why a range cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// Not whole pages, or behind the last input address.
    Range,
    /// No table left.
    Full,
    /// Something else is mapped there.
    Overlap,
}

/// Bytes of what one table of the last level covers.
pub const LEAF: u64 = (PAGE as u64) << 9;
const VALID: u64 = 1;
/// A table, or at the last level a page.
const TABLE: u64 = 3;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
const LAST_LEVEL: u32 = 3;

/// The descriptor of the page at `paddr` (Arm ARM, D8.3): not executable, not global, accessed.
pub fn page(paddr: u64, access: Access) -> u64 {
    /// Bit 6: accesses of unprivileged kind are allowed, which those of PCI are.
    const UNPRIVILEGED: u64 = 1 << 6;
    const READ_ONLY: u64 = 1 << 7;
    const INNER: u64 = 3 << 8;
    const ACCESSED: u64 = 1 << 10;
    const NOT_GLOBAL: u64 = 1 << 11;
    const NO_EXECUTE: u64 = 3 << 53;
    let always = paddr & ADDRESS | TABLE | UNPRIVILEGED | ACCESSED | NOT_GLOBAL | NO_EXECUTE;
    always
        | match access {
            Access::Read => NORMAL << 2 | INNER | READ_ONLY,
            Access::Write => NORMAL << 2 | INNER,
            Access::Registers => DEVICE << 2,
        }
}

/// The tables of one space: [`SPACE_TABLES`] pages of the region from `start`, the first of which is where walks begin.
///
/// What is mapped is found again if the same ranges are mapped in the same order over the same memory: who starts anew does not disturb
/// a device.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    start: usize,
    paddr: u64,
    used: usize,
}

impl Tables {
    /// Those in the pages from offset `start`, at physical address `paddr`; zeroed, or made by a predecessor.
    pub fn new(start: usize, paddr: u64) -> Self {
        Self {
            start,
            paddr,
            used: 1,
        }
    }

    /// Maps whole pages to themselves.
    pub fn map(
        &mut self,
        memory: &mut impl Memory,
        paddr: u64,
        len: u64,
        access: Access,
    ) -> Result<(), MapError> {
        let end = paddr.checked_add(len).filter(|end| *end <= 1 << INPUT_BITS);
        let end = end.ok_or(MapError::Range)?;
        if !(paddr | len).is_multiple_of(PAGE as u64) {
            return Err(MapError::Range);
        }
        for at in (paddr..end).step_by(PAGE) {
            let entry = self.leaf(memory, at)? + index(at, LAST_LEVEL) * 8;
            let (found, wanted) = (memory.read(entry), page(at, access));
            if found & VALID == 0 {
                memory.write(entry, wanted);
            } else if found != wanted {
                return Err(MapError::Overlap);
            }
        }
        Ok(())
    }

    /// Offset of the last level's table for the [`LEAF`] bytes around `paddr`, which is made if it is not there.
    pub fn leaf(&mut self, memory: &mut impl Memory, paddr: u64) -> Result<usize, MapError> {
        let mut table = self.start;
        for level in 1..LAST_LEVEL {
            let entry = table + index(paddr, level) * 8;
            let found = memory.read(entry);
            let number = if found & VALID != 0 {
                (found & ADDRESS).wrapping_sub(self.paddr) as usize / PAGE
            } else {
                self.used
            };
            if number >= SPACE_TABLES {
                return Err(MapError::Full);
            }
            self.used = self.used.max(number + 1);
            if found & VALID == 0 {
                memory.write(entry, (self.paddr + (number * PAGE) as u64) | TABLE);
            }
            table = self.start + number * PAGE;
        }
        Ok(table)
    }
}

fn index(paddr: u64, level: u32) -> usize {
    (paddr >> (12 + 9 * (LAST_LEVEL - level)) & 511) as usize
}
