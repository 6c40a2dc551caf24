//! The kernel's console.

use core::fmt;

#[cfg(feature = "debug-build")]
struct Console;

#[cfg(feature = "debug-build")]
impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            crate::syscall::debug_put_char(byte);
        }
        Ok(())
    }
}

/// Prints in the debug configuration.
#[inline]
pub fn print(text: fmt::Arguments<'_>) {
    // The console takes everything. A value that cannot format itself ends the text early.
    #[cfg(feature = "debug-build")]
    let _ = fmt::write(&mut Console, text);
    #[cfg(not(feature = "debug-build"))]
    let _ = text;
}

/// Prints on the kernel's console, if the kernel has one. Takes what `format!` takes.
#[macro_export]
macro_rules! debug_print {
    ($($text:tt)*) => {
        if $crate::sel4_cfg_bool!(PRINTING) {
            $crate::_private::print(::core::format_args!($($text)*))
        }
    };
}

/// [`debug_print!`] with a line end.
#[macro_export]
macro_rules! debug_println {
    ($($text:tt)*) => {
        $crate::debug_print!("{}\n", ::core::format_args!($($text)*))
    };
}
