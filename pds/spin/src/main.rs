//! The protection domain that spins.

#![no_std]
#![no_main]

use core::arch::asm;

use sel4_microkit::{NullHandler, protection_domain};

#[protection_domain]
fn init() -> NullHandler {
    // SAFETY: a hint that changes nothing. A simulator that runs one processor at a time goes round its loop for it; nobody takes
    // it for idling, as he would an instruction that waits.
    spin::spin(|| unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) })
}
