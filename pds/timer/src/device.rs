//! The EL1 physical timer, as the architecture names its registers (Arm ARM, D12.2); user level may use them here.

use core::arch::asm;

/// CNTP_CTL_EL0: the timer is on and its interrupt is not masked.
const ENABLE: u64 = 1;

/// Interrupt at or after this value of CNTPCT; none: no interrupt.
pub fn set_comparator(deadline: Option<u64>) {
    match deadline {
        Some(deadline) => {
            // SAFETY: writes the timer's compare value, which has no effect on memory.
            unsafe {
                asm!("msr cntp_cval_el0, {}", in(reg) deadline, options(nomem, nostack, preserves_flags))
            };
            set_control(ENABLE);
        }
        None => set_control(0),
    }
}

fn set_control(control: u64) {
    // SAFETY: writes the timer's control register, which has no effect on memory. The barrier makes sure that the
    // line is low before the interrupt is acknowledged.
    unsafe { asm!("msr cntp_ctl_el0, {}", "isb", in(reg) control, options(nomem, nostack, preserves_flags)) };
}
