//! `<mmio>`: registers of a device.

use driver_package::package::is_compatible;

use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// How a device is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// virtio over memory-mapped registers.
    VirtioMmio,
    /// virtio over a PCI function's memory regions.
    VirtioPci,
    /// A PCI function with registers of its own kind.
    Pci,
}

impl Transport {
    /// Its number in configuration blobs.
    pub fn number(self) -> u32 {
        match self {
            Self::VirtioMmio => 1,
            Self::VirtioPci => 2,
            Self::Pci => 4,
        }
    }
}

/// A register region.
#[derive(Clone, Debug)]
pub struct Mmio {
    /// Where it stands.
    pub at: At,
    /// Physical address of the first register.
    pub phys_addr: u64,
    /// Bytes.
    pub size: u64,
    /// How the device is reached.
    pub transport: Transport,
    /// virtio device id, 0 if it does not matter.
    pub device_id: u32,
    /// String of the device's `compatible` property; empty if it does not matter.
    pub compatible: String,
}

impl Mmio {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["phys_addr", "size", "transport", "device_id", "compatible"])?;
        element.no_children()?;
        let transport = match element.required("transport")? {
            "virtio-mmio" => Transport::VirtioMmio,
            value => return Err(element.choice("transport", value, "'virtio-mmio'")),
        };
        let phys_addr = element.in_range(
            "phys_addr",
            element.required_number("phys_addr")?,
            (1 << 40) - 0x1_0000,
        )?;
        let size = element.in_range("size", element.required_number("size")?, 0x1_0000)?;
        if size == 0 {
            return Err(element.fault(Rule::TooSmall {
                name: "size",
                value: size,
                min: 1,
            }));
        }
        let device_id = element.in_range("device_id", element.number("device_id")?.unwrap_or(0), 255)?;
        let compatible = element.optional("compatible").unwrap_or_default();
        if !compatible.is_empty() && !is_compatible(compatible) {
            return Err(element.choice(
                "compatible",
                compatible,
                "one word of at most 56 ASCII characters",
            ));
        }
        Ok(Self {
            at: element.at(),
            phys_addr,
            size,
            transport,
            device_id: device_id as u32,
            compatible: compatible.to_owned(),
        })
    }
    /// Page-aligned range of the pages they lie in.
    pub fn pages(&self) -> (u64, u64) {
        let start = self.phys_addr & !0xfff;
        (
            start,
            (self.phys_addr + self.size).next_multiple_of(0x1000) - start,
        )
    }
}
