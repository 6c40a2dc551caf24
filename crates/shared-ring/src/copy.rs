//! Bytes from one place to another, and the same byte to many, by pairs of registers.
//!
//! The compiler takes no bytes of a place that is not aligned but one at a time here, because a program for this target might run
//! without the MMU; and makes no pairs of what others may write. A frame goes through six copies on its way from wire to
//! application and back, so it is worth an instruction for every six bytes instead of three for each.
//!
//! The same code is the program's `memcpy`: it is found before the language's own, which has the same restraint. So are `memset`,
//! with which a driver zeroes the memory of its queues while clients wait (nine bytes per instruction instead of three instructions for
//! eight), and `memcmp`, with which the stager finds that it knows a package (two bytes per instruction instead of six instructions for
//! one).

use core::arch::{asm, global_asm};

unsafe extern "C" {
    /// Copy `len` bytes. Places need not be aligned. To the compiler it is no copy of memory but a function that it knows nothing of,
    /// so what others do to that memory meanwhile is no data race of the language's; each byte is read and written once.
    ///
    /// # Safety
    /// `len` bytes at `source` are mapped and readable, and as many at `target` writable, as normal memory; they do not overlap, and
    /// no reference to the former's like exists that others' changes to it would contradict.
    #[link_name = "umbra_copy"]
    pub(crate) fn copy(target: *mut u8, source: *const u8, len: usize);
}

/// Sixteen bytes as two words, the first byte lowest, from a place that need not be aligned. Between two calls of [`copy`] a
/// caller would have to put all that it has in registers somewhere else.
///
/// # Safety
/// They are mapped and readable, as normal memory. To the compiler it is, as `copy`, nothing that it knows.
#[inline]
pub(crate) unsafe fn pair(source: *const u8) -> [u64; 2] {
    let (low, high);
    // SAFETY: readable by the caller's contract; nothing is written.
    unsafe {
        asm!("ldp {}, {}, [{}]", lateout(reg) low, lateout(reg) high, in(reg) source, options(nostack, readonly, preserves_flags));
    }
    [low, high]
}

// x0: target, which `memcpy` returns; x1: source; x2: bytes that are left. Only registers that a call may spoil.
global_asm!(
    ".pushsection .text.umbra_copy, \"ax\", %progbits",
    ".balign 16",
    ".globl memcpy",
    ".type memcpy, %function",
    ".globl umbra_copy",
    ".type umbra_copy, %function",
    "memcpy:",
    "umbra_copy:",
    "mov x3, x0",
    "subs x2, x2, #64",
    "b.lo 3f",
    "2: ldp x4, x5, [x1]",
    "ldp x6, x7, [x1, #16]",
    "ldp x8, x9, [x1, #32]",
    "ldp x10, x11, [x1, #48]",
    "add x1, x1, #64",
    "stp x4, x5, [x3]",
    "stp x6, x7, [x3, #16]",
    "stp x8, x9, [x3, #32]",
    "stp x10, x11, [x3, #48]",
    "add x3, x3, #64",
    "subs x2, x2, #64",
    "b.hs 2b",
    // The low six bits are those of what is left.
    "3: tbz x2, #5, 4f",
    "ldp x4, x5, [x1], #16",
    "ldp x6, x7, [x1], #16",
    "stp x4, x5, [x3], #16",
    "stp x6, x7, [x3], #16",
    "4: tbz x2, #4, 5f",
    "ldp x4, x5, [x1], #16",
    "stp x4, x5, [x3], #16",
    "5: tbz x2, #3, 6f",
    "ldr x4, [x1], #8",
    "str x4, [x3], #8",
    "6: tbz x2, #2, 7f",
    "ldr w4, [x1], #4",
    "str w4, [x3], #4",
    "7: tbz x2, #1, 8f",
    "ldrh w4, [x1], #2",
    "strh w4, [x3], #2",
    "8: tbz x2, #0, 9f",
    "ldrb w4, [x1]",
    "strb w4, [x3]",
    "9: ret",
    ".size memcpy, . - memcpy",
    ".size umbra_copy, . - umbra_copy",
    ".popsection",
);

// x0: target, which is returned; w1: the byte; x2: bytes that are left. Only registers that a call may spoil.
global_asm!(
    ".pushsection .text.umbra_memset, \"ax\", %progbits",
    ".balign 16",
    ".globl memset",
    ".type memset, %function",
    "memset:",
    "mov x3, x0",
    "and w1, w1, #0xff",
    "orr w1, w1, w1, lsl #8",
    "orr w1, w1, w1, lsl #16",
    "orr x1, x1, x1, lsl #32",
    "subs x2, x2, #64",
    "b.lo 3f",
    "2: stp x1, x1, [x3]",
    "stp x1, x1, [x3, #16]",
    "stp x1, x1, [x3, #32]",
    "stp x1, x1, [x3, #48]",
    "add x3, x3, #64",
    "subs x2, x2, #64",
    "b.hs 2b",
    // The low six bits are those of what is left.
    "3: tbz x2, #5, 4f",
    "stp x1, x1, [x3], #16",
    "stp x1, x1, [x3], #16",
    "4: tbz x2, #4, 5f",
    "stp x1, x1, [x3], #16",
    "5: tbz x2, #3, 6f",
    "str x1, [x3], #8",
    "6: tbz x2, #2, 7f",
    "str w1, [x3], #4",
    "7: tbz x2, #1, 8f",
    "strh w1, [x3], #2",
    "8: tbz x2, #0, 9f",
    "strb w1, [x3]",
    "9: ret",
    ".size memset, . - memset",
    ".popsection",
);

// x0, x1: both places; x2: bytes that are left. The sign of the first difference, or 0. Only registers that a call may spoil.
global_asm!(
    ".pushsection .text.umbra_memcmp, \"ax\", %progbits",
    ".balign 16",
    ".globl memcmp",
    ".type memcmp, %function",
    ".globl bcmp",
    ".type bcmp, %function",
    "memcmp:",
    "bcmp:",
    "subs x2, x2, #16",
    "b.lo 3f",
    "2: ldp x3, x4, [x0], #16",
    "ldp x5, x6, [x1], #16",
    "cmp x3, x5",
    "ccmp x4, x6, #0, eq",
    "b.ne 5f",
    "subs x2, x2, #16",
    "b.hs 2b",
    "3: adds x2, x2, #16",
    "b.eq 6f",
    "4: ldrb w3, [x0], #1",
    "ldrb w4, [x1], #1",
    "subs w3, w3, w4",
    "b.ne 7f",
    "subs x2, x2, #1",
    "b.ne 4b",
    "6: mov w0, wzr",
    "ret",
    // Which of the last sixteen it is.
    "5: sub x0, x0, #16",
    "sub x1, x1, #16",
    "mov x2, #16",
    "b 4b",
    "7: mov w0, w3",
    "ret",
    ".size memcmp, . - memcmp",
    ".size bcmp, . - bcmp",
    ".popsection",
);
