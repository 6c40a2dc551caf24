//! Floating-point registers: 32 of 128 bits, then status and control.

use core::arch::{asm, global_asm};

global_asm!(
    ".arch_extension fp",
    ".arch_extension simd",
    ".section .text",
    "fpu_save:",
    "stp q0, q1, [x0, #0x000]",
    "stp q2, q3, [x0, #0x020]",
    "stp q4, q5, [x0, #0x040]",
    "stp q6, q7, [x0, #0x060]",
    "stp q8, q9, [x0, #0x080]",
    "stp q10, q11, [x0, #0x0a0]",
    "stp q12, q13, [x0, #0x0c0]",
    "stp q14, q15, [x0, #0x0e0]",
    "stp q16, q17, [x0, #0x100]",
    "stp q18, q19, [x0, #0x120]",
    "stp q20, q21, [x0, #0x140]",
    "stp q22, q23, [x0, #0x160]",
    "stp q24, q25, [x0, #0x180]",
    "stp q26, q27, [x0, #0x1a0]",
    "stp q28, q29, [x0, #0x1c0]",
    "stp q30, q31, [x0, #0x1e0]",
    "mrs x1, fpsr",
    "mrs x2, fpcr",
    "str x1, [x0, #0x200]",
    "str x2, [x0, #0x208]",
    "ret",
    "fpu_load:",
    "ldp q0, q1, [x0, #0x000]",
    "ldp q2, q3, [x0, #0x020]",
    "ldp q4, q5, [x0, #0x040]",
    "ldp q6, q7, [x0, #0x060]",
    "ldp q8, q9, [x0, #0x080]",
    "ldp q10, q11, [x0, #0x0a0]",
    "ldp q12, q13, [x0, #0x0c0]",
    "ldp q14, q15, [x0, #0x0e0]",
    "ldp q16, q17, [x0, #0x100]",
    "ldp q18, q19, [x0, #0x120]",
    "ldp q20, q21, [x0, #0x140]",
    "ldp q22, q23, [x0, #0x160]",
    "ldp q24, q25, [x0, #0x180]",
    "ldp q26, q27, [x0, #0x1a0]",
    "ldp q28, q29, [x0, #0x1c0]",
    "ldp q30, q31, [x0, #0x1e0]",
    "ldr x1, [x0, #0x200]",
    "ldr x2, [x0, #0x208]",
    "msr fpsr, x1",
    "msr fpcr, x2",
    "ret",
);

unsafe extern "C" {
    fn fpu_save(to: u64);
    fn fpu_load(from: u64);
}

/// Lets everybody use the registers, or nobody.
pub fn enable(on: bool) {
    let access: u64 = if on { 3 << 20 } else { 0 };
    // SAFETY: the kernel itself does not use the registers, apart from the two functions below.
    unsafe { asm!("msr cpacr_el1, {}", "isb", in(reg) access, options(nomem, nostack)) };
}

/// Stores the registers at a virtual address with room for 528 bytes; access is on.
pub fn save(to: u64) {
    // SAFETY: the caller's address is in a control block, which has the room.
    unsafe { fpu_save(to) }
}

/// Loads the registers; see [`save`].
pub fn load(from: u64) {
    // SAFETY: as above.
    unsafe { fpu_load(from) }
}
