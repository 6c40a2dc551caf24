//! A network driver that sends some frames and then takes notice of nothing: neither of interrupts nor of what the device has done.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::Frame;
use net_twist::{Twist, Twisted};

/// The frame with which it stops.
pub const LAST: u32 = 200;

/// What is wrong.
#[derive(Default)]
pub struct Hangs {
    frames: u32,
}

impl Twist for Hangs {
    fn transmit(&mut self, _: &Frame) {
        self.frames = self.frames.saturating_add(1);
    }
    fn hears(&mut self) -> bool {
        self.frames < LAST
    }
}

/// The driver.
pub type Driver = Twisted<Hangs>;
