//! The protection domain of the guard clock.

#![no_std]
#![no_main]
#![cfg_attr(not(feature = "crash-points"), forbid(unsafe_code))]

use sel4_microkit::{Channel, NullHandler, protection_domain, var};

/// An instant at which a test lets the guard clock die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::GuardClock, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

#[protection_domain]
fn init() -> NullHandler {
    let timer = Channel::new(*var!(timer_channel: usize = 0));
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    loop {
        crash_point(0);
        timer.notify();
        crash_point(1);
        sel4::r#yield();
    }
}
