//! Crash points of control: before and after everything it does to the world ([`control::effect`]). Only test builds have any.

pub use control::effect::{JOB, KEEP, PUBLISH, of_call, of_command, of_save};

use crate::outside::Outside;

/// Control is at this point.
#[cfg(feature = "crash-points")]
pub fn point(outside: &mut Outside, number: u32) {
    match crash_points::taken(number) {
        Some(crash_points::Action::Die) => panic!("crash point {number}"),
        // Root tells us later, as of a fault.
        Some(crash_points::Action::KillDriver) => outside.kill_drivers(),
        None => {}
    }
}

/// Control is at this point. In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_: &mut Outside, _: u32) {}
