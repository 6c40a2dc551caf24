//! A driver that takes shorter frames than others.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::NetCapabilities;
use net_twist::{Twist, Twisted};

/// Payload bytes of its longest frame.
pub const MTU: u16 = 1450;

/// What is different.
#[derive(Default)]
pub struct SmallMtu;

impl Twist for SmallMtu {
    fn record(record: NetCapabilities) -> NetCapabilities {
        NetCapabilities { mtu: MTU, ..record }
    }
}

/// The driver.
pub type Driver = Twisted<SmallMtu>;
