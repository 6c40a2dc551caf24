//! The translation tables under which the kernel is entered, as pure arithmetic.
//!
//! Two trees, 4 KiB granule, 48-bit addresses (Arm ARM DDI 0487, D8.3): the lower one (TTBR0) maps the first 512 GiB onto
//! itself, so that the loader goes on running when the MMU comes on; the upper one (TTBR1) maps the kernel from its first
//! block to the end of its gigabyte, or of RAM. The kernel replaces both.

use crate::board;
use crate::payload::{BLOCK_BYTES, KernelImage};
use core::fmt;
use core::ops::Range;

/// One table: 512 descriptors.
pub type Entries = [u64; 512];

/// `MAIR_EL1`: what the attribute indices mean. The official kernel counts on these five, and on index 5 being
/// write-through: 0 nGnRnE, 1 nGnRE, 2 GRE, 3 non-cacheable, 4 write-back, 5 write-through.
pub const MAIR: u64 = 0x0000_aaff_440c_0400;

/// `TCR_EL1` without the physical address size (bits 32–34, from `ID_AA64MMFR0_EL1`): 48-bit halves (T0SZ = T1SZ = 16),
/// table walks write-back cacheable, 4 KiB granules, 16-bit ASIDs.
pub const TCR: u64 = 16 | 16 << 16 | (1 << 8 | 1 << 24) | (1 << 10 | 1 << 26) | 2 << 30 | 1 << 36;

const DEVICE_NGNRNE: u64 = 0;
const NORMAL: u64 = 4;
const TABLE: u64 = 0b11;
const BLOCK: u64 = 0b01;
const ACCESSED: u64 = 1 << 10;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const OUTER_SHAREABLE: u64 = 0b10 << 8;

const GIGABYTE: u64 = 1 << 30;

/// The five tables.
#[repr(C, align(4096))]
pub struct Tables {
    /// Root of the lower tree: for TTBR0.
    pub lower_0: Entries,
    lower_1: Entries,
    /// Root of the upper tree: for TTBR1.
    pub upper_0: Entries,
    upper_1: Entries,
    upper_2: Entries,
}

/// The kernel window cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowError {
    /// The kernel's virtual addresses are not in the upper half (TTBR1).
    NotUpperHalf,
    /// The kernel crosses a gigabyte of its virtual addresses: more than one last-level table.
    CrossesGigabyte,
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUpperHalf => "the kernel is not linked to the upper half of the address space",
            Self::CrossesGigabyte => "the kernel crosses a gigabyte boundary of its virtual addresses",
        })
    }
}

impl core::error::Error for WindowError {}

impl Tables {
    /// Tables that map nothing.
    pub const EMPTY: Self = Self {
        lower_0: [0; 512],
        lower_1: [0; 512],
        upper_0: [0; 512],
        upper_1: [0; 512],
        upper_2: [0; 512],
    };

    /// Fills the tables, which are empty and lie at the physical address `at`, page-aligned.
    pub fn fill(&mut self, at: u64, kernel: &KernelImage, ram: &Range<u64>) -> Result<(), WindowError> {
        self.fill_lower(at + 4096, ram);
        self.fill_upper(at + 3 * 4096, kernel, ram)
    }

    fn fill_lower(&mut self, level_1_at: u64, ram: &Range<u64>) {
        self.lower_0[0] = level_1_at | TABLE;
        for (address, entry) in (0..).step_by(GIGABYTE as usize).zip(&mut self.lower_1) {
            if address < board::DEVICE_END {
                *entry = block(address, DEVICE_NGNRNE);
            } else if address < ram.end && address + GIGABYTE > ram.start {
                *entry = block(address, NORMAL);
            }
        }
    }

    fn fill_upper(
        &mut self,
        level_1_at: u64,
        kernel: &KernelImage,
        ram: &Range<u64>,
    ) -> Result<(), WindowError> {
        // `Header` guarantees that neither of these sums overflows, and congruence modulo a block.
        let last = kernel.virt + kernel.bytes.saturating_sub(1);
        if kernel.virt >> 48 != 0xffff {
            return Err(WindowError::NotUpperHalf);
        }
        if kernel.virt / GIGABYTE != last / GIGABYTE {
            return Err(WindowError::CrossesGigabyte);
        }
        self.upper_0[index(kernel.virt, 39)] = level_1_at | TABLE;
        self.upper_1[index(kernel.virt, 30)] = (level_1_at + 4096) | TABLE;
        let mut phys = kernel.phys - kernel.phys % BLOCK_BYTES;
        for entry in &mut self.upper_2[index(kernel.virt, 21)..] {
            if phys < ram.end {
                *entry = block(phys, NORMAL);
            }
            phys = phys.saturating_add(BLOCK_BYTES);
        }
        Ok(())
    }
}

fn index(address: u64, shift: u32) -> usize {
    (address >> shift) as usize % 512
}

/// A block descriptor: privileged read, write and execute, global.
fn block(address: u64, attribute: u64) -> u64 {
    let shareable = if attribute == NORMAL {
        INNER_SHAREABLE
    } else {
        OUTER_SHAREABLE
    };
    address | ACCESSED | shareable | attribute << 2 | BLOCK
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::boxed::Box;

    const RAM: Range<u64> = 0x4000_0000..0xc000_0000;
    const AT: u64 = 0x6000_4000;

    fn kernel(virt: u64, phys: u64, bytes: u64) -> KernelImage {
        KernelImage {
            virt,
            phys,
            bytes,
            entry: virt,
        }
    }

    fn filled(kernel: KernelImage) -> Result<Box<Tables>, WindowError> {
        let mut tables = Box::new(Tables::EMPTY);
        tables.fill(AT, &kernel, &RAM)?;
        Ok(tables)
    }

    /// Walks the tables as the hardware does.
    fn walk(tables: &Tables, address: u64) -> Option<u64> {
        let table = |at: u64| match (at - AT) / 4096 {
            0 => &tables.lower_0,
            1 => &tables.lower_1,
            2 => &tables.upper_0,
            3 => &tables.upper_1,
            _ => &tables.upper_2,
        };
        let mut at = if address >> 48 == 0 { AT } else { AT + 2 * 4096 };
        for shift in [39, 30, 21] {
            let entry = table(at)[index(address, shift)];
            let target = entry & 0xffff_ffff_f000;
            match entry & 0b11 {
                TABLE => at = target,
                BLOCK => return Some(target + address % (1 << shift)),
                _ => return None,
            }
        }
        None
    }

    #[test]
    fn loader_and_console_stay_where_they_are() {
        let tables = filled(kernel(0xffff_ff80_4000_0000, 0x4000_0000, 0x25_a000)).unwrap();
        for address in [board::UART_BASE, 0x4000_0000, 0x6000_1234, 0xbfff_ffff] {
            assert_eq!(walk(&tables, address), Some(address));
        }
        assert_eq!(walk(&tables, 0xc000_0000), None, "behind RAM nothing is mapped");
        assert_eq!(tables.lower_1[0] >> 2 & 7, DEVICE_NGNRNE);
        assert_eq!(tables.lower_1[1] >> 2 & 7, NORMAL);
    }

    #[test]
    fn kernel_window_reaches_the_end_of_its_gigabyte() {
        let tables = filled(kernel(0xffff_ff80_4000_0000, 0x4000_0000, 0x25_a000)).unwrap();
        assert_eq!(walk(&tables, 0xffff_ff80_4000_0000), Some(0x4000_0000));
        assert_eq!(walk(&tables, 0xffff_ff80_7fff_ffff), Some(0x7fff_ffff));
        assert_eq!(walk(&tables, 0xffff_ff80_8000_0000), None);
    }

    #[test]
    fn kernel_may_be_linked_anywhere_in_a_gigabyte() {
        let tables = filled(kernel(0xffff_8000_0030_1000, 0x4050_1000, 0x25_a000)).unwrap();
        assert_eq!(walk(&tables, 0xffff_8000_0030_1000), Some(0x4050_1000));
        assert_eq!(walk(&tables, 0xffff_8000_0055_afff), Some(0x4075_afff));
        assert_eq!(walk(&tables, 0xffff_8000_001f_ffff), None);
    }

    #[test]
    fn kernel_window_ends_with_ram() {
        let mut tables = Box::new(Tables::EMPTY);
        let kernel = kernel(0xffff_ff80_4000_0000, 0x4000_0000, 0x1000);
        tables.fill(AT, &kernel, &(0x4000_0000..0x4040_0000)).unwrap();
        assert_eq!(walk(&tables, 0xffff_ff80_403f_ffff), Some(0x403f_ffff));
        assert_eq!(walk(&tables, 0xffff_ff80_4040_0000), None);
    }

    #[test]
    fn impossible_windows_are_refused() {
        assert_eq!(
            filled(kernel(0x4000_0000, 0x4000_0000, 0x1000)).err(),
            Some(WindowError::NotUpperHalf)
        );
        let crossing = kernel(0xffff_ff80_7fe0_0000, 0x4000_0000, 0x40_0000);
        assert_eq!(filled(crossing).err(), Some(WindowError::CrossesGigabyte));
    }

    #[test]
    fn control_registers_hold_the_documented_fields() {
        assert_eq!(MAIR.to_le_bytes(), [0x00, 0x04, 0x0c, 0x44, 0xff, 0xaa, 0, 0]);
        assert_eq!(TCR & 0x3f, 16);
        assert_eq!(TCR >> 16 & 0x3f, 16);
        assert_eq!(TCR >> 30 & 3, 2, "TG1: 4 KiB");
        assert_eq!(TCR >> 14 & 3, 0, "TG0: 4 KiB");
    }
}
