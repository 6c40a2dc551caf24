//! A driver that faults between an interrupt and its acknowledgement, at the device as at the kernel: the line is masked, and if it is
//! triggered by level, it is still high.
#![no_std]
#![forbid(unsafe_code)]

use twist::{Twist, Twisted};

/// The interrupt at which it faults.
pub const FATAL: u32 = 500;

/// What is wrong.
#[derive(Default)]
pub struct DiesInInterrupt {
    interrupts: u32,
}

impl Twist for DiesInInterrupt {
    fn interrupt(&mut self) -> bool {
        self.interrupts += 1;
        if self.interrupts >= FATAL {
            twist::fault();
        }
        true
    }
}

/// The driver.
pub type Driver = Twisted<DiesInInterrupt>;
