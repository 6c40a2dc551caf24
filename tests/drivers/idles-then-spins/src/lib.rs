//! A driver that serves, and spins when it has had nothing to do for a while.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// The pass through its event loop with nothing to do that is its last one.
pub const LAST: u32 = 3;

/// What is wrong.
#[derive(Default)]
pub struct IdlesThenSpins {
    idle: u32,
}

impl Twist for IdlesThenSpins {
    fn before_poll(&mut self, in_flight: u32) {
        self.idle = if in_flight == 0 { self.idle + 1 } else { 0 };
        if self.idle >= LAST {
            twist::spin();
        }
    }
}

/// The driver.
pub type Driver = Twisted<IdlesThenSpins>;
