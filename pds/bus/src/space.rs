//! What is mapped for the bus: registers, configuration space, tables, copies.

use pci::{Mmio, port};
use system_spec::config::RegionConfig;

use crate::virtio_pci::Common;

/// Something that is mapped. Copies of it are the same place.
pub trait Mapped: Clone + Mmio + Common + port::Registers {
    /// A part of it, from a multiple of 4; none if it is not inside.
    fn part(&self, offset: usize, len: usize) -> Option<Self>;
}

/// All that is mapped.
pub trait Space {
    /// A piece of it.
    type Mapped: Mapped;

    /// What is mapped at a region of the configuration; none at address 0.
    fn at(&self, region: &RegionConfig) -> Option<Self::Mapped>;
}
