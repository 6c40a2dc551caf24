//! The kernel's clock: the virtual counter and its timer.

use core::arch::asm;

/// Current time in ticks.
#[inline(always)]
pub fn now() -> u64 {
    let now: u64;
    // SAFETY: reads a register.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) now, options(nomem, nostack)) };
    now
}

/// Interrupts at `at`.
#[inline(always)]
pub fn set_deadline(at: u64) {
    // SAFETY: the virtual timer is the kernel's.
    unsafe { asm!("msr cntv_cval_el0, {}", in(reg) at.min(i64::MAX as u64), options(nomem, nostack)) };
}

/// Switches the timer on, far in the future.
pub fn init() {
    set_deadline(u64::MAX);
    // SAFETY: as above: enabled, not masked.
    unsafe { asm!("msr cntv_ctl_el0, {}", in(reg) 1u64, options(nomem, nostack)) };
}
