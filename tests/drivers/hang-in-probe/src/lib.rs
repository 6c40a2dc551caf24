//! A driver that never comes back from probing.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct HangInProbe;

impl Twist for HangInProbe {
    fn before_probe() {
        twist::spin();
    }
}

/// The driver.
pub type Driver = Twisted<HangInProbe>;
