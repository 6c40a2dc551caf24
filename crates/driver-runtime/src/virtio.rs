//! What the glue around the published releases of `virtio-drivers` has in common.
//!
//! The releases have the same non-blocking calls in types of their own, so the glue of a release is its types under one
//! trait ([`QueuedDisk`], implemented by [`virtio_blk!`](crate::virtio_blk)) and everything else is [`QueuedBlock`].

mod glue;
mod queued;

pub use queued::{QueueFull, QueuedBlock, QueuedDisk};

use driver_package::resources::MmioRegion;

use crate::ProbeError;
use crate::block::{BlockCapabilities, CAP_FLUSH, CAP_READ_ONLY, CAP_WRITE_BACK};

/// Bytes of the sectors that virtio counts in (virtio 1.2, 5.2.4), whatever the device's block size.
pub const SECTOR: u32 = 512;
/// virtio 1.2, 5.2.3: `size_max` limits a segment.
pub const F_SIZE_MAX: u64 = 1 << 1;
/// virtio 1.2, 5.2.3: the device is read-only.
pub const F_RO: u64 = 1 << 5;
/// virtio 1.2, 5.2.3: `blk_size` is the block size.
pub const F_BLK_SIZE: u64 = 1 << 6;
/// virtio 1.2, 5.2.3: the device has a flush request.
pub const F_FLUSH: u64 = 1 << 9;
/// Offset of `size_max` in the configuration space (virtio 1.2, 5.2.4).
pub const CONFIG_SIZE_MAX: usize = 8;
/// Offset of `blk_size` in the configuration space.
pub const CONFIG_BLK_SIZE: usize = 20;
/// Longest transfer that the adapter asks for at a time, in bytes.
const TRANSFER_MAX: u32 = 1 << 20;

/// What the device said before the release's driver took it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// Features that the device offers.
    pub features: u64,
    /// `blk_size`, if `F_BLK_SIZE` is offered.
    pub blk_size: u32,
    /// `size_max`, if `F_SIZE_MAX` is offered.
    pub size_max: u32,
}

impl DiskFacts {
    /// The class's record of a device with these facts, `sectors` sectors and a queue of `queue_depth`.
    ///
    /// All releases accept `F_RO` and `F_FLUSH` and none `F_CONFIG_WCE`. Then the rule is virtio 1.2, 5.2.6.2: with flush
    /// accepted the device may cache writes, and without it it must not answer a write that is not durable.
    pub fn capabilities(&self, sectors: u64, queue_depth: u32) -> Result<BlockCapabilities, ProbeError> {
        let block_size = if self.features & F_BLK_SIZE != 0 {
            self.blk_size
        } else {
            SECTOR
        };
        if !block_size.is_power_of_two() || !(SECTOR..=4096).contains(&block_size) {
            return Err(ProbeError::Geometry);
        }
        let longest = if self.features & F_SIZE_MAX != 0 {
            self.size_max.min(TRANSFER_MAX)
        } else {
            TRANSFER_MAX
        };
        let max_transfer = longest / block_size;
        if max_transfer < 8 {
            return Err(ProbeError::Geometry);
        }
        let mut flags = 0;
        if self.features & F_RO != 0 {
            flags |= CAP_READ_ONLY;
        }
        if self.features & F_FLUSH != 0 {
            flags |= CAP_WRITE_BACK | CAP_FLUSH;
        }
        let capacity = sectors / u64::from(block_size / SECTOR);
        Ok(BlockCapabilities {
            capacity,
            block_size,
            flags,
            max_transfer,
            queue_depth,
        })
    }
}

/// The register region that the glue opens: the first, with room for the configuration space it reads.
pub fn registers(resources: &crate::resources::Resources) -> Result<MmioRegion, ProbeError> {
    /// Header (virtio 1.2, 4.2.2) and the configuration space up to `blk_size`.
    const NEEDED: u64 = 0x100 + 24;
    let region = resources.mmio().first().ok_or(ProbeError::NoRegisters)?;
    if region.len < NEEDED || !region.vaddr.is_multiple_of(4) {
        return Err(ProbeError::NoRegisters);
    }
    Ok(*region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_cache_follows_flush() {
        let facts = DiskFacts {
            features: F_FLUSH,
            blk_size: 0,
            size_max: 0,
        };
        let record = facts.capabilities(2048, 16).unwrap();
        assert_eq!((record.block_size, record.capacity), (512, 2048));
        assert_eq!(
            (record.flags, record.max_transfer),
            (CAP_WRITE_BACK | CAP_FLUSH, 2048)
        );
        assert_eq!(
            DiskFacts { features: 0, ..facts }
                .capabilities(1, 1)
                .unwrap()
                .flags,
            0
        );
        assert_eq!(
            DiskFacts {
                features: F_RO,
                ..facts
            }
            .capabilities(1, 1)
            .unwrap()
            .flags,
            CAP_READ_ONLY
        );
    }

    #[test]
    fn geometry_is_taken_from_the_device_and_checked() {
        let facts = DiskFacts {
            features: F_BLK_SIZE | F_SIZE_MAX,
            blk_size: 4096,
            size_max: 65536,
        };
        let record = facts.capabilities(80, 16).unwrap();
        assert_eq!(
            (record.block_size, record.capacity, record.max_transfer),
            (4096, 10, 16)
        );
        for blk_size in [0, 1, 256, 768, 8192, u32::MAX] {
            assert_eq!(
                DiskFacts { blk_size, ..facts }.capabilities(80, 16),
                Err(ProbeError::Geometry)
            );
        }
        assert_eq!(
            DiskFacts {
                size_max: 4096,
                ..facts
            }
            .capabilities(80, 16),
            Err(ProbeError::Geometry)
        );
    }
}
