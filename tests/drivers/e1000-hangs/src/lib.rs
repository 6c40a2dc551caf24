//! An e1000 driver that sends some frames and then takes notice of nothing.
#![no_std]
#![forbid(unsafe_code)]

use net_hangs::Hangs;
use net_twist::Twisted;

/// The driver.
pub type Driver = Twisted<Hangs, e1000::Driver>;
