//! How a driver ends itself: by a fault, which root sees, and the shadow before its deadlines.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    #[cfg(feature = "debug-build")]
    sel4::debug_println!("driver: {info}");
    #[cfg(not(feature = "debug-build"))]
    let _ = info;
    fault()
}

/// Faults.
pub(super) fn fault() -> ! {
    // SAFETY: an undefined instruction touches nothing; the exception ends this thread.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}
