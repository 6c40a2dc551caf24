//! Ticks and microseconds.

use sel4_abi::config::{KERNEL_WCET_SCALE, KERNEL_WCET_US};
use sel4_abi::platform::TIMER_FREQUENCY;

const TICKS_PER_MS: u64 = TIMER_FREQUENCY / 1_000;

/// Ticks the kernel itself may take in the worst case.
pub const WCET: u64 = ticks(KERNEL_WCET_US * KERNEL_WCET_SCALE);
/// The smallest budget worth having: into the kernel and out of it.
pub const MIN_BUDGET: u64 = 2 * WCET;
/// The same in microseconds.
pub const MIN_BUDGET_US: u64 = 2 * KERNEL_WCET_US * KERNEL_WCET_SCALE;
/// The longest budget or period, in microseconds: what the official kernel allows.
pub const MAX_PERIOD_US: u64 = u64::MAX / 8 / TICKS_PER_MS;

/// Ticks in `us` microseconds.
pub const fn ticks(us: u64) -> u64 {
    us.saturating_mul(TICKS_PER_MS) / 1_000
}

/// Microseconds in `ticks` ticks.
pub const fn micros(ticks: u64) -> u64 {
    // Split so that large values do not overflow.
    ticks / TICKS_PER_MS * 1_000 + ticks % TICKS_PER_MS * 1_000 / TICKS_PER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_microsecond_is_62_and_a_half_ticks() {
        assert_eq!((ticks(1), ticks(2), ticks(1_000_000)), (62, 125, 62_500_000));
        assert_eq!((micros(125), micros(62), micros(62_500_000)), (2, 0, 1_000_000));
        assert!(ticks(MAX_PERIOD_US) <= u64::MAX / 8);
    }
}
