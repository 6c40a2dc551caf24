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

/// When it interrupts.
pub fn deadline() -> u64 {
    let at: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cntv_cval_el0", out(reg) at, options(nomem, nostack)) };
    at
}

/// Switches the timer on, far in the future.
pub fn init() {
    set_deadline(u64::MAX);
    // SAFETY: as above: enabled, not masked.
    unsafe { asm!("msr cntv_ctl_el0, {}", in(reg) 1u64, options(nomem, nostack)) };
}

/// Starts the cycle counter and lets user level read the counters (benchmark configuration).
pub fn init_cycles() {
    if sel4_abi::config::EXPORT_PMU_USER {
        // SAFETY: enables the counters; they change nothing but themselves.
        unsafe {
            asm!(
                "msr pmcntenset_el0, {cycle_counter}",
                "msr pmcr_el0, {enable}",
                "msr pmuserenr_el0, {user}",
                "isb",
                cycle_counter = in(reg) 1u64 << 31,
                enable = in(reg) 1u64 | 1 << 1 | 1 << 2,
                user = in(reg) 1u64,
                options(nomem, nostack)
            );
        }
    }
}

/// The cycle counter.
#[inline(always)]
pub fn cycles() -> u64 {
    let cycles: u64;
    // SAFETY: reads a register.
    unsafe { asm!("isb", "mrs {}, pmccntr_el0", out(reg) cycles, options(nomem, nostack)) };
    cycles
}
