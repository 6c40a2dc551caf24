//! Output: the kernel's if it prints, else the UART's.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::memory::Memory;
use sel4::{CapRights, VmAttributes};
use sel4_abi::platform;

/// Virtual address of the UART's registers, 0 while they are not mapped.
static UART: AtomicUsize = AtomicUsize::new(0);

/// Maps the UART if the kernel does not print.
pub fn init(memory: &mut Memory<'_>) {
    if !sel4::sel4_cfg_bool!(PRINTING) {
        let mapped = memory
            .device_page(platform::UART as usize)
            .and_then(|frame| memory.map(frame, CapRights::read_write(), VmAttributes::EXECUTE_NEVER));
        // Without it there is no way to say so.
        UART.store(mapped.unwrap_or(0), Ordering::Relaxed);
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
