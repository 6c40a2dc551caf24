//! The contracts of the device classes: what passes between client, shadow and driver.
//!
//! One module per class; [`report`] is what every driver says of itself, whatever its class.
#![no_std]
#![forbid(unsafe_code)]

pub mod abi;
pub mod block;
pub mod net;
pub mod report;

/// A device class, as it is numbered in packages, resources pages and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ClassId {
    /// Disks.
    Block = 1,
    /// Network devices.
    Net = 2,
}
