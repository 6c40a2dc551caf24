//! The kernel's debug console.

use core::fmt;

use crate::syscall;

/// C: `seL4_DebugPutChar`.
pub fn debug_put_char(c: u8) {
    syscall::debug_put_char(c);
}

/// Formats onto the kernel's console, a character a time ([`debug_put_char`]).
pub struct DebugWrite;

impl fmt::Write for DebugWrite {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.bytes().for_each(debug_put_char);
        Ok(())
    }
}

#[doc(hidden)]
pub fn debug_print_helper(args: fmt::Arguments<'_>) {
    // Writing itself cannot fail; a value's own formatting can, and then its text ends early.
    let _ = fmt::write(&mut DebugWrite, args);
}

/// Like `std::print!`, except backed by `seL4_DebugPutChar`. Exists in the debug configuration only.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => ($crate::_private::debug_print_helper(format_args!($($arg)*)));
}

/// Like `std::println!`, except backed by `seL4_DebugPutChar`. Exists in the debug configuration only.
#[macro_export]
macro_rules! debug_println {
    () => ($crate::debug_print!("\n"));
    ($($arg:tt)*) => ($crate::debug_print!("{}\n", format_args!($($arg)*)));
}
