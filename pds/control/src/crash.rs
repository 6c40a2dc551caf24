//! Crash points of control: before and after everything it does to the world. Only test builds have any.

use supervision::shadow;

use crate::outside::Outside;
use control::Call;

/// Before a command to a shadow, by kind; the next number is after it.
const COMMAND: u32 = 110;
/// Before and after a job for the stager.
pub const JOB: u32 = 124;
/// Before and after the links are published.
pub const PUBLISH: u32 = 126;
/// Before and after a record or the store's index is written.
pub const KEEP: u32 = 128;
/// Before the state is saved, by step; the next number is after it.
const SAVE: u32 = 130;

/// Before a call; the next number is after it.
pub fn of_call(call: &Call) -> u32 {
    match call {
        Call::Start(_) => 100,
        Call::Cut(_) => 102,
        Call::Discard(_) => 104,
        Call::Reset => 106,
        Call::Kill => 108,
    }
}

/// Before a command; the next number is after it.
pub fn of_command(command: &shadow::Command) -> u32 {
    COMMAND + 2 * (command.kind % 8).saturating_sub(1)
}

/// Before a save; the next number is after it.
pub fn of_save(step: u32) -> u32 {
    SAVE + 2 * step
}

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
