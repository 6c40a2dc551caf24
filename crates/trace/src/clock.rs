//! The clock of all time stamps: the architected physical counter, CNTPCT, and its frequency.

/// Ticks of CNTPCT since power-on. The kernel configuration lets user level read it (and not CNTVCT).
///
/// The read is not ordered against memory accesses: a time stamp may be some instructions early.
#[cfg(target_arch = "aarch64")]
#[inline]
pub fn ticks() -> u64 {
    let ticks: u64;
    // SAFETY: reads a system register that EL0 may read in this kernel configuration; no memory, no flags.
    unsafe {
        core::arch::asm!("mrs {}, cntpct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
    };
    ticks
}

/// On a host of another architecture there is no such counter, and nothing that needs one runs there.
#[cfg(not(target_arch = "aarch64"))]
pub fn ticks() -> u64 {
    0
}

/// Ticks of CNTPCT a second.
#[cfg(target_arch = "aarch64")]
pub fn hz() -> u64 {
    let hz: u64;
    // SAFETY: as `ticks`.
    unsafe { core::arch::asm!("mrs {}, cntfrq_el0", out(reg) hz, options(nomem, nostack, preserves_flags)) };
    hz
}

/// As [`ticks`]: none.
#[cfg(not(target_arch = "aarch64"))]
pub fn hz() -> u64 {
    0
}
