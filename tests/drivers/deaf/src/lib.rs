//! A driver that hears no more of its device after a while: frames are sent and nobody is told, frames come and nobody takes them.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::{Completion, Ended};
use net_twist::{Twist, Twisted};

/// After so many ends.
pub const AFTER: u32 = 100;

/// What is wrong.
#[derive(Default)]
pub struct Deaf {
    ended: u32,
}

impl Twist for Deaf {
    fn hears(&mut self) -> bool {
        self.ended < AFTER
    }
    fn complete(&mut self, _: Ended, completion: Completion) -> Completion {
        self.ended += 1;
        completion
    }
}

/// The driver.
pub type Driver = Twisted<Deaf>;
