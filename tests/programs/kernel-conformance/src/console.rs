//! Output: the kernel's if it prints, else the UART's.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::arena::{Arena, UART_ADDRESS};
use sel4_abi::platform;

/// Virtual address of the UART's registers, 0 while they are not mapped.
static UART: AtomicUsize = AtomicUsize::new(0);

/// Maps the UART if the kernel does not print.
pub fn init(arena: &mut Arena) {
    if !sel4_abi::config::PRINTING && arena.map_device_page(platform::UART, UART_ADDRESS) {
        UART.store(UART_ADDRESS as usize, Ordering::Relaxed);
    }
}

struct Uart(*mut u32);

impl Write for Uart {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            // SAFETY: `init` mapped a PL011 there; its first register is the transmit data register. The FIFO of
            // the simulated one never fills.
            unsafe { self.0.write_volatile(byte.into()) };
        }
        Ok(())
    }
}

pub fn print(arguments: fmt::Arguments<'_>) {
    sel4_root_task::debug_print!("{arguments}");
    let uart = UART.load(Ordering::Relaxed);
    if uart != 0 {
        // Writing to it cannot fail.
        let _ = Uart(uart as *mut u32).write_fmt(arguments);
    }
}

macro_rules! println {
    ($($arg:tt)*) => { $crate::console::print(format_args!("{}\n", format_args!($($arg)*))) };
}

pub(crate) use println;
