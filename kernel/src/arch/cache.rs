//! Cache maintenance by address.

use core::arch::asm;

use kernel_core::machine::CacheOp;

const LINE: u64 = 1 << sel4_abi::config::L1_CACHE_LINE_SIZE_BITS;

/// Maintains the caches for a virtual range of the window.
pub fn maintain(op: CacheOp, at: u64, bytes: u64) {
    let mut line = at & !(LINE - 1);
    while line < at + bytes {
        // SAFETY: the caller's range is mapped; the instructions do not change memory as the program sees it.
        // Invalidating cleans too: what lies beside the range in its first and last line must not be lost.
        unsafe {
            match op {
                CacheOp::Clean => asm!("dc cvac, {}", in(reg) line, options(nostack)),
                CacheOp::Invalidate | CacheOp::CleanInvalidate => {
                    asm!("dc civac, {}", in(reg) line, options(nostack));
                }
                CacheOp::Unify => {
                    asm!("dc cvau, {l}", "dsb ish", "ic ivau, {l}", l = in(reg) line, options(nostack))
                }
            }
        }
        line += LINE;
    }
    // SAFETY: a barrier.
    unsafe { asm!("dsb sy", "isb", options(nostack)) };
}
