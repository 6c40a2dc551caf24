//! A driver that serves some requests, and then stops the timer that everybody's deadlines hang on, again and again.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// The request at which it stops serving.
pub const LAST: u32 = 1000;

/// Turns of an empty loop between two writes.
const PAUSE: u32 = 2000;

/// What is wrong.
#[derive(Default)]
pub struct StopsClock {
    requests: u32,
}

impl Twist for StopsClock {
    fn before_submit(&mut self) {
        self.requests += 1;
        if self.requests >= LAST {
            loop {
                twist::stop_timer();
                // An emulated timer is slow to write. A few microseconds are often, beside the guard clock's period.
                (0..PAUSE).for_each(|_| core::hint::spin_loop());
            }
        }
    }
}

/// The driver.
pub type Driver = Twisted<StopsClock>;
