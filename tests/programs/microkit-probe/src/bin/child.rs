//! Faults.
#![no_std]
#![no_main]

use microkit_probe::NOWHERE;
use sel4_microkit::{NullHandler, protection_domain};

#[protection_domain]
fn init() -> NullHandler {
    // SAFETY: none: nothing is mapped there, which is the point. The thread goes no further.
    unsafe { core::ptr::write_volatile(NOWHERE as *mut u64, 1) };
    NullHandler::new()
}
