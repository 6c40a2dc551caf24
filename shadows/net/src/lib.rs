//! The shadow of the network class: stands between whoever has an address on a network and the drivers of the devices.
//!
//! - [`plan`]: a session: its address, its filter, which frames it may send, what it has sent and received.
//! - [`station`]: what the shadow asks the driver on its own account: a filter for all sessions together, buffers for what
//!   comes, word of the link.
//! - [`memory`]: data regions, from which frames are looked at and into which they are copied.
//! - [`class`]: the network class as the engine (`crates/shadow`) sees it.
//! - [`assemble`]: a shadow out of its configuration.
//!
//! Frames to be sent are passed, not copied. A frame that comes is copied once, into the buffer of whoever it is for: the device
//! has written it before anybody can know who that is (`docs/design/028-net-class.md` has the price).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod assemble;
pub mod class;
pub mod memory;
pub mod plan;
pub mod station;

pub use class::Net;
