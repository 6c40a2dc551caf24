//! Printing by the kernel's debug call, or not at all.

use core::fmt;

struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            put(byte);
        }
        Ok(())
    }
}

#[cfg(feature = "debug-build")]
fn put(byte: u8) {
    let mut r = crate::sys::Registers::default();
    r.0[0] = byte as u64;
    crate::sys::syscall(-12, r);
}

#[cfg(not(feature = "debug-build"))]
fn put(_: u8) {}

/// Prints.
pub fn print(text: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(&mut Out, text);
}

macro_rules! say {
    ($($t:tt)*) => {{ $crate::console::print(format_args!($($t)*)); $crate::console::print(format_args!("\n")); }};
}
pub(crate) use say;
