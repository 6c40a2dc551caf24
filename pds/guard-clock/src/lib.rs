//! The guard clock: wakes the timer PD once per period of its own scheduling context.
//!
//! Every PD can write the comparator of the physical timer in the contract's kernel configuration, so a hostile driver can
//! stop or delay its interrupt. A scheduling context's period is the kernel's and nobody else's: this PD yields what is
//! left of its budget, is run again a period later, and makes the timer look at its deadlines then. So a deadline is late by
//! at most this period, whatever is done to the comparator; in all other cases the comparator is more exact.
//!
//! The period is the description's (`period`, with a `budget` below it), and so is the channel to the timer.

#![no_std]
#![forbid(unsafe_code)]
