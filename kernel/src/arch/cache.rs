//! Cache maintenance by address.

use core::arch::asm;

use kernel_core::machine::CacheOp;

const LINE: u64 = 1 << sel4_abi::config::L1_CACHE_LINE_SIZE_BITS;

/// Size of the blocks that [`zero_block`] zeroes.
#[inline(always)]
pub fn zero_block_bytes() -> u64 {
    let id: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, dczid_el0", out(reg) id, options(nomem, nostack)) };
    4 << (id & 0xf)
}

/// Zeroes a block of memory at once.
///
/// # Safety
/// The block at `at`, aligned to its size, is mapped and nobody else's.
#[inline(always)]
pub unsafe fn zero_block(at: u64) {
    // SAFETY: the caller's block.
    unsafe { asm!("dc zva, {}", in(reg) at, options(nostack)) };
}

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
