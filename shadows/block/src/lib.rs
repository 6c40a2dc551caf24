//! The shadow of the block class: stands between file systems, databases, whatever reads and writes blocks, and the
//! disk drivers.
//!
//! - [`plan`]: what a session is confined to, which requests are valid, which of them conflict.
//! - [`table`]: the partition table, read once through the driver.
//! - [`assemble`]: a shadow out of its configuration.
//! - [`class`]: the block class as the engine (`crates/shadow`) sees it.
//!
//! Under the policy `degrade` a request that the new driver cannot serve is answered `CapabilityLost`; that includes one
//! longer than its `max_transfer`. Splitting it was refused: a request that is half done when a driver dies would have
//! to be tracked in parts, for a case that no driver release shows.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod assemble;
pub mod class;
pub mod plan;
pub mod table;

pub use class::Block;
