//! Everything that touches the hardware: the only unsafe code of the loader.

pub mod caches;
pub mod entry;
#[cfg(feature = "interrupts-in-group-1")]
pub mod gic;
pub mod memory;
pub mod mmu;
pub mod uart;

/// Stops the processor for good. There is nobody to report to but the console, which has been told.
pub fn halt() -> ! {
    loop {
        // SAFETY: WFE only waits; interrupts are masked, so nothing is delivered.
        unsafe { core::arch::asm!("wfe", options(nomem, nostack)) };
    }
}
