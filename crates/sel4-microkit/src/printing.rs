//! Printing that exists in every configuration, and prints where the kernel can.

use core::fmt;

#[doc(hidden)]
#[inline]
pub fn debug_print_helper(args: fmt::Arguments<'_>) {
    #[cfg(feature = "debug-build")]
    sel4::debug_print!("{args}");
    #[cfg(not(feature = "debug-build"))]
    let _ = args;
}

/// Like `std::print!`, except backed by the debug console; nothing in configurations without it.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        if $crate::_private::sel4::sel4_cfg_bool!(PRINTING) {
            $crate::_private::debug_print_helper(format_args!($($arg)*));
        }
    };
}

/// Like `std::println!`, except backed by the debug console; nothing in configurations without it.
#[macro_export]
macro_rules! debug_println {
    () => ($crate::debug_print!("\n"));
    ($($arg:tt)*) => ($crate::debug_print!("{}\n", format_args!($($arg)*)));
}
