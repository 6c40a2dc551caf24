//! A driver that serves some requests and then spins.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// The request at which it stops serving.
pub const LAST: u32 = 1000;

/// What is wrong.
#[derive(Default)]
pub struct Spins {
    requests: u32,
}

impl Twist for Spins {
    fn before_submit(&mut self) {
        self.requests += 1;
        if self.requests >= LAST {
            twist::spin();
        }
    }
}

/// The driver.
pub type Driver = Twisted<Spins>;
