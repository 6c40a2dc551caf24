//! A driver that sees only half of the device.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::BlockCapabilities;
use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct SmallCapacity;

impl Twist for SmallCapacity {
    fn record(record: BlockCapabilities) -> BlockCapabilities {
        BlockCapabilities {
            capacity: record.capacity / 2,
            ..record
        }
    }
}

/// The driver.
pub type Driver = Twisted<SmallCapacity>;
