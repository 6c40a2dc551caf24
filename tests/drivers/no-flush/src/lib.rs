//! A driver that does not flush the cache of a write-back device: an update to it loses durability.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::{BlockCapabilities, CAP_FLUSH};
use twist::{Twist, Twisted};

/// What is wrong.
#[derive(Default)]
pub struct NoFlush;

impl Twist for NoFlush {
    fn record(record: BlockCapabilities) -> BlockCapabilities {
        BlockCapabilities {
            flags: record.flags & !CAP_FLUSH,
            ..record
        }
    }
}

/// The driver.
pub type Driver = Twisted<NoFlush>;
