//! Instants of control: before everything it does to the world ([`control::effect`]), and before it publishes what it did. Only test
//! builds have any. An instant's name is the effect behind it (its number plus 1) in the upper half, and the one before which it is in the
//! lower.

pub use control::effect::{JOB, KEEP, PUBLISH, of_call, of_command, of_save};

use crate::outside::Outside;

/// What lies behind: an effect, or that the links were published.
#[cfg(feature = "crash-points")]
static BEHIND: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(PUBLISH + 1);

/// Control is before this effect.
#[cfg(feature = "crash-points")]
pub fn point(outside: &mut Outside, number: u32) {
    use core::sync::atomic::Ordering::Relaxed;
    use crash_points::{Action, Party};
    let behind = BEHIND.load(Relaxed);
    // To publish without having done anything is nothing.
    if number == PUBLISH && behind == PUBLISH + 1 {
        return;
    }
    match crash_points::reached(Party::Control, behind << 16 | number) {
        Some(Action::Die | Action::DieForGood) => panic!("behind {behind}, before {number}"),
        // Root tells us later, as of a fault.
        Some(Action::KillDriver) => outside.kill_drivers(),
        Some(Action::Hang) => loop {
            core::hint::spin_loop();
        },
        // The party finds it.
        Some(Action::Let(..)) | None => {}
    }
    BEHIND.store(number + 1, Relaxed);
}

/// Control is at this instant. In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_: &mut Outside, _: u32) {}
