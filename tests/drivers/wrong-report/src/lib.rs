//! A driver whose record no device can have.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::BlockCapabilities;
use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct WrongReport;

impl Twist for WrongReport {
    fn record(record: BlockCapabilities) -> BlockCapabilities {
        BlockCapabilities {
            block_size: 513,
            max_transfer: 0,
            ..record
        }
    }
}

/// The driver.
pub type Driver = Twisted<WrongReport>;
