//! A driver that serves some requests and then faults.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// The request at which it faults.
pub const FATAL: u32 = 1000;

/// What is wrong.
#[derive(Default)]
pub struct FaultAfterN {
    requests: u32,
}

impl Twist for FaultAfterN {
    fn before_submit(&mut self) {
        self.requests += 1;
        if self.requests >= FATAL {
            twist::fault();
        }
    }
}

/// The driver.
pub type Driver = Twisted<FaultAfterN>;
