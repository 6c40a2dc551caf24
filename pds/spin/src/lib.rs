//! Keeps the machine busy when nobody else has work.
//!
//! Under `-icount` an idle guest's virtual clock jumps to its next timer, while devices complete in host time: what
//! is measured across idling is noise. With this protection domain at the lowest priority the guest never idles,
//! and the clock counts instructions only. A system that is not measured does without.

#![no_std]
#![forbid(unsafe_code)]

/// Spins for ever.
///
/// Without a hint to the processor: an event-waiting or yielding instruction is what a simulator may take for idling.
pub fn spin() -> ! {
    #[allow(clippy::empty_loop)] // It is the purpose.
    loop {}
}
