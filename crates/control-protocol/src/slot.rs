//! What the machine compares a package with: the operator's tool says beforehand what would come of it.

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::reply::{MAX_DEVICES, Name};

/// Longest compatible string.
pub const COMPATIBLE_MAX: usize = 56;

/// The machine's demands on packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Number of the kernel's `driver_package::package::Configuration`.
    pub configuration: u32,
    /// By device, in the order of [`Status`](crate::reply::Status).
    pub slots: Vec<Slot, MAX_DEVICES>,
}

/// What a package for one device must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Name of the device slot.
    pub name: Name,
    /// Class number.
    pub class: u32,
    /// SHA-256 of the text of the class's contract that the machine was built with; `None`: it knows no such class.
    pub class_abi: Option<[u8; 32]>,
    /// As in [`Device`](crate::reply::Device).
    pub security_floor: u32,
    /// The device.
    pub device: Identity,
}

/// What the machine's description states of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Number of its `driver_package::package::Transport`.
    pub transport: u32,
    /// virtio device id; 0: none was stated.
    pub virtio_id: u32,
    /// Vendor and device id, if it is a PCI function.
    pub pci: Option<(u16, u16)>,
    /// PCI class code, if it was stated.
    pub pci_class: Option<u32>,
    /// Compatible string; empty: none was stated.
    pub compatible: String<COMPATIBLE_MAX>,
}
