//! Keeps the machine busy when nobody else has work.
//!
//! Under `-icount` an idle guest's virtual clock jumps to its next timer, while devices complete in host time: what
//! is measured across idling is noise. With this protection domain at the lowest priority the guest never idles,
//! and the clock counts instructions only. A system that is not measured does without.
//!
//! While the guest waits for a device the clock would run ahead all the same, as fast as the host executes this loop, by however
//! long the host takes to wake the thread that does the device's work. So the loop gives way every [`SPAN`] rounds: an instruction
//! that lets the simulator see to its devices takes it about a microsecond and the guest's clock a nanosecond.

#![no_std]
#![forbid(unsafe_code)]

use core::hint::black_box;

/// Rounds between two pauses: long enough that time does not stand still for those who wait for it.
pub const SPAN: u32 = 16;

/// Spins for ever, and calls `pause` every [`SPAN`] rounds.
pub fn spin(mut pause: impl FnMut()) -> ! {
    loop {
        for round in 0..SPAN {
            black_box(round);
        }
        pause();
    }
}
