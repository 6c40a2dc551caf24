//! A link as words.

use core::ptr::{read_volatile, write_volatile};

use system_spec::config::LinkConfig;

/// A link as words.
#[derive(Clone, Copy)]
pub struct Words<'a>(pub &'a LinkConfig);

impl Words<'_> {
    /// Reads a word of the peer's page.
    pub fn peer(&self, index: usize) -> u64 {
        // SAFETY: the description's compiler mapped a page there, readable; the index is below 512 in every caller.
        unsafe { read_volatile((self.0.peer as *const u64).add(index)) }
    }
    /// Writes a word of our page.
    pub fn set(&self, index: usize, value: u64) {
        // SAFETY: as above, writable, and nobody else writes it.
        unsafe { write_volatile((self.0.own as *mut u64).add(index), value) }
    }
}

/// CNTPCT.
#[allow(dead_code)] // Not everybody measures.
pub fn counter() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register that is readable here; touches no memory.
    unsafe {
        core::arch::asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
    };
    ticks
}
