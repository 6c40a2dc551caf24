//! PCI configuration space of functions that may lie: who is there, what it wants of the address space, how it is quietened.
//!
//! Pure: whoever has the registers lends them as a [`Config`]. Every walk is bounded and every number that a function states
//! is checked, for the bus PD reads it with authority that a function must not borrow. The published crates for this do not
//! promise as much (`docs/design/021-pci.md`).
//!
//! | module | |
//! |---|---|
//! | [`address`] | a function's address, and the walk over a bus |
//! | [`header`] | the part of configuration space that all functions have |
//! | [`bar`] | sizing and placing base address registers |
//! | [`capability`] | the list of capabilities |
//! | [`msix`] | message-signalled interrupts |
//! | [`msi`] | messages without a table |
//! | [`express`] | function-level reset |
//! | [`port`] | root ports: what goes in and out while the system runs |
//! | [`patience`] | waits that end |
//! | [`virtio`] | where a virtio device's registers are |
//!
//! Sections are those of the PCI Local Bus Specification 3.0 ("PCI") and of virtio 1.2.
#![no_std]
#![forbid(unsafe_code)]

pub mod address;
pub mod bar;
pub mod capability;
pub mod express;
pub mod header;
pub mod msi;
pub mod msix;
pub mod patience;
pub mod port;
pub mod virtio;

#[cfg(any(test, feature = "fake"))]
pub mod fake;

pub use address::Address;
pub use patience::Patience;

/// Configuration space of one function, to be read.
pub trait Config {
    /// The word at `offset`, a multiple of 4 below 256; all ones where nothing is.
    fn read(&self, offset: u8) -> u32;
}

/// Configuration space of one function, to be changed.
pub trait ConfigMut: Config {
    /// Writes the word at `offset`, a multiple of 4 below 256.
    fn write(&mut self, offset: u8, value: u32);
}

/// Registers in memory, by byte offset.
pub trait Mmio {
    /// Reads the word at `offset`, a multiple of 4.
    fn read(&self, offset: usize) -> u32;
    /// Writes it.
    fn write(&mut self, offset: usize, value: u32);
}

/// A piece of one of a function's memory regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which region: number of its base address register.
    pub bar: u8,
    /// First byte.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
}

impl Place {
    /// Whether the piece lies in a region of `size` bytes.
    pub fn lies_in(&self, size: u64) -> bool {
        u64::from(self.offset) + u64::from(self.len) <= size
    }
}
