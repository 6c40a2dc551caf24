//! The debug console: PL011, as the machine before us has set it up.

use sel4_abi::platform::UART;

use super::virt;

const DATA: u64 = UART;
const FLAGS: u64 = UART + 0x18;
const TRANSMIT_FULL: u32 = 1 << 5;

/// Sends a byte.
pub fn put(byte: u8) {
    // SAFETY: registers of the console, which the window maps as a device.
    unsafe {
        while (virt(FLAGS) as *const u32).read_volatile() & TRANSMIT_FULL != 0 {}
        (virt(DATA) as *mut u32).write_volatile(byte as u32);
    }
}
