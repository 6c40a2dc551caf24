//! Secure monitor calls.

use core::arch::global_asm;

global_asm!(
    ".section .text",
    "smc_call:",
    "stp x0, x30, [sp, #-16]!",
    "mov x9, x0",
    "ldp x0, x1, [x9, #0x00]",
    "ldp x2, x3, [x9, #0x10]",
    "ldp x4, x5, [x9, #0x20]",
    "ldp x6, x7, [x9, #0x30]",
    ".global smc_instruction",
    "smc_instruction:",
    ".inst 0xd4000003", // smc #0
    "b 1f",
    // Where the exception handler goes on if nobody takes the call.
    "ldp x0, x30, [sp], #16",
    "mov x0, #0",
    "ret",
    "1:",
    "ldp x9, x30, [sp], #16",
    "stp x0, x1, [x9, #0x00]",
    "stp x2, x3, [x9, #0x10]",
    "stp x4, x5, [x9, #0x20]",
    "stp x6, x7, [x9, #0x30]",
    "mov x0, #1",
    "ret",
);

unsafe extern "C" {
    /// Makes the call with the registers at `registers` and puts its answer there; 0 if nobody took it. Clobbers only
    /// what the procedure call standard lets a function clobber.
    fn smc_call(registers: *mut u64) -> u64;
}

/// Makes a call.
pub fn call(arguments: &[u64; 8]) -> Option<[u64; 8]> {
    let mut registers = *arguments;
    // SAFETY: eight words are there to be read and written.
    let taken = unsafe { smc_call(registers.as_mut_ptr()) };
    (taken != 0).then_some(registers)
}
