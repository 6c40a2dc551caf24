//! An e1000 driver that takes shorter frames than the product's.
#![no_std]
#![forbid(unsafe_code)]

use net_twist::Twisted;
use small_mtu::SmallMtu;

/// The driver.
pub type Driver = Twisted<SmallMtu, e1000::Driver>;
