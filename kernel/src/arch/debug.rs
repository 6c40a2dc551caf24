//! The debug registers: breakpoints, watchpoints, single-stepping (Arm ARM, "AArch64 Self-hosted Debug").

use core::arch::asm;

use kernel_core::machine::DebugRegisters;

/// Monitor debug events: breakpoints and watchpoints are taken.
const MONITOR: u64 = 1 << 15;

/// Writes pairs of value and control registers: `write!(pairs; "dbgbvr", "dbgbcr"; 0 1 2)`.
macro_rules! write_pairs {
    ($pairs:expr; $value:literal, $control:literal; $($n:literal)*) => {
        $(
            // SAFETY: the control words match user level only: the kernel is never stopped.
            unsafe {
                asm!(
                    concat!("msr ", $value, $n, "_el1, {}"),
                    concat!("msr ", $control, $n, "_el1, {}"),
                    in(reg) $pairs[$n].0,
                    in(reg) $pairs[$n].1,
                    options(nomem, nostack)
                );
            }
        )*
    };
}

/// Loads all of them.
pub fn load(registers: &DebugRegisters) {
    write_pairs!(registers.breakpoints; "dbgbvr", "dbgbcr"; 0 1 2 3 4 5);
    write_pairs!(registers.watchpoints; "dbgwvr", "dbgwcr"; 0 1 2 3);
    // SAFETY: the lock that is set at reset is opened; events are taken from user level only, since the kernel runs
    // with debug exceptions masked and without KDE.
    unsafe {
        asm!(
            "msr oslar_el1, xzr",
            "msr mdscr_el1, {}",
            "isb",
            in(reg) MONITOR | registers.step as u64,
            options(nomem, nostack)
        );
    }
}
