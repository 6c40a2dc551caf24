//! A driver that faults while it probes.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct FaultInProbe;

impl Twist for FaultInProbe {
    fn before_probe() {
        twist::fault();
    }
}

/// The driver.
pub type Driver = Twisted<FaultInProbe>;
