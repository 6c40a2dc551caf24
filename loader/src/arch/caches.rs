//! Cache maintenance.
//!
//! The loader writes with the MMU off, so past the caches. Lines that firmware left behind must be neither written
//! back over what we wrote (so they are evicted before) nor read instead of it once the caches are on (so they are
//! dropped after). QEMU has no caches; boards do.

use core::arch::asm;
use core::ops::Range;

/// Cleans and invalidates the data cache lines of a physical range, to the point of coherency.
pub fn clean_invalidate(range: &Range<u64>) {
    let line = line_bytes();
    let mut at = range.start & !(line - 1);
    while at < range.end {
        // SAFETY: with the MMU off the address is physical, and cleaning changes no memory that its owner has not
        // itself written: the loader only passes ranges of RAM that it is about to write or has written.
        unsafe { asm!("dc civac, {}", in(reg) at, options(nostack)) };
        at += line;
    }
    // SAFETY: a barrier.
    unsafe { asm!("dsb sy", options(nostack)) };
}

/// Smallest data cache line in bytes (`CTR_EL0.DminLine` is the logarithm of words).
fn line_bytes() -> u64 {
    let ctr: u64;
    // SAFETY: reading an identification register has no effect.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack)) };
    4 << (ctr >> 16 & 0xf)
}
