//! Panics and aborts.

use core::fmt;
use core::panic::{Location, PanicInfo};

use crate::{debug_println, pd_name};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    debug_println!("{}: {info}", pd_name().unwrap_or("?"));
    trap()
}

/// Aborts: prints (debug configuration) and faults, which is reported to the fault handler.
///
/// Takes the same arguments as `panic!`, or none.
#[macro_export]
macro_rules! abort {
    () => ($crate::abort!("aborted"));
    ($($arg:tt)*) => ($crate::_private::abort_with_message(format_args!($($arg)*)));
}

#[doc(hidden)]
#[track_caller]
pub fn abort_with_message(message: fmt::Arguments<'_>) -> ! {
    debug_println!(
        "{}: aborted at {}:\n{message}",
        pd_name().unwrap_or("?"),
        Location::caller()
    );
    trap()
}

fn trap() -> ! {
    // SAFETY: an undefined instruction is an exception, which ends the thread.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}
