//! The console: a PL011 written to by polling.

use core::fmt;
use loader::board::UART_BASE;

const DR: *mut u32 = UART_BASE as *mut u32;
const FR: *const u32 = (UART_BASE + 0x18) as *const u32;
/// `FR.TXFF`: the transmit FIFO is full.
const FR_TXFF: u32 = 1 << 5;

/// Writes to the console; a line feed becomes carriage return and line feed.
pub struct Uart;

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                put(b'\r');
            }
            put(byte);
        }
        Ok(())
    }
}

fn put(byte: u8) {
    // SAFETY: both addresses are registers of the board's PL011 (`board::UART_BASE`), which nobody else uses while the
    // loader runs: one processor, interrupts masked. With the MMU off they are device memory; with it on,
    // `Tables::fill` maps everything below RAM as device memory at the same address.
    unsafe {
        while FR.read_volatile() & FR_TXFF != 0 {}
        DR.write_volatile(u32::from(byte));
    }
}
