//! A driver that never acknowledges an interrupt at its device: where the line is triggered by level, the next one comes at once.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct Storms;

impl Twist for Storms {
    fn interrupt(&mut self) -> bool {
        // The runtime would leave the line masked while the device has nothing to do.
        twist::listen();
        false
    }
}

/// The driver.
pub type Driver = Twisted<Storms>;
