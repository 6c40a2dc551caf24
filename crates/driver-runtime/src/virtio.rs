//! What the glue around the published releases of `virtio-drivers` has in common.
//!
//! No function can be generic over a crate, so what differs between releases is a macro, one per era of their API:
//!
//! | releases | macro | adapter |
//! |---|---|---|
//! | 0.6 to 0.13 | [`virtio_blk!`](crate::virtio_blk) | [`QueuedBlock`]: many requests at a time, of any length |
//! | 0.7.5 to 0.13 | [`virtio_net!`](crate::virtio_net) | [`VirtioNet`]: frames both ways, many at a time |
//! | 0.1 to 0.5 | [`virtio_sector_blk!`](crate::virtio_sector_blk) | [`SectorBlock`]: waits for each sector |
//!
//! How a release reaches its device has steps of its own too, which are those of [`virtio_transport!`](crate::virtio_transport):
//! since 0.8 by registers or PCI, as the device at hand has it, before it by registers only.
//!
//! The memory a release asks for has steps of its own, which are those of [`virtio_hal!`](crate::virtio_hal).

mod facts;
#[cfg(feature = "host")]
pub mod fake;
mod glue;
mod pci;
mod queued;
mod raw_net;
mod sector;
mod tokens;

pub use self::pci::{PciDevice, Vectors};
pub use crate::function::ConfigCopy;
pub use ::pci::Config;
/// virtio 1.2, 6: `VIRTIO_F_ACCESS_PLATFORM`, offered by a device behind an IOMMU. What it asks for holds of every driver here: the
/// addresses that it gives are those that the device may use.
pub const ACCESS_PLATFORM: u64 = 1 << 33;

/// Whether a queue is in use that a release found so. On the host the registers are memory, which has no queue of its own for each
/// number: what a release wrote for its first queue would be read for its second.
pub const fn is_used(found: bool) -> bool {
    found && !cfg!(feature = "host")
}

pub use facts::disk::{DiskFacts, F_BLK_SIZE, F_FLUSH, F_RO, F_SIZE_MAX, SECTOR};
pub use facts::net::{F_MTU, F_STATUS, NetFacts};
pub use facts::{Facts, open};
pub use queued::{QueuedBlock, QueuedDisk, Refused};
pub use raw_net::{DEPTH as NET_DEPTH, RawNet, VirtioNet};
pub use sector::{SectorBlock, SectorDisk};
