//! What a virtio disk says of itself.

use core::ptr::NonNull;

use super::Facts;
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
/// Longest transfer that the adapters ask for at a time, in bytes.
const TRANSFER_MAX: u32 = 1 << 20;

/// Offsets of fields of a disk's configuration (virtio 1.2, 5.2.4), in bytes.
pub(in crate::virtio) mod config {
    /// `capacity`, in sectors, 64 bits.
    pub const CAPACITY: usize = 0;
    /// `size_max`.
    pub const SIZE_MAX: usize = 8;
    /// `blk_size`.
    pub const BLK_SIZE: usize = 0x14;
    /// End of what is read here.
    pub const END: usize = BLK_SIZE + 4;
}

/// What the device said before the release's driver took it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// Features that the device offers, of those with numbers below 32.
    pub features: u64,
    /// Capacity in sectors.
    pub sectors: u64,
    /// `blk_size`, if `F_BLK_SIZE` is offered.
    pub blk_size: u32,
    /// `size_max`, if `F_SIZE_MAX` is offered.
    pub size_max: u32,
}

impl Facts for DiskFacts {
    const DEVICE: u32 = 2;
    const CONFIG_LEN: u32 = config::END as u32;

    unsafe fn read(features: u32, config: NonNull<u32>) -> Self {
        let features = u64::from(features);
        // SAFETY: all offsets are multiples of 4 below `CONFIG_LEN`, and the caller vouches for the registers up to there.
        let field = |offset: usize| unsafe { config.byte_add(offset).read_volatile() };
        let if_offered = |offered, at| if features & offered == 0 { 0 } else { field(at) };
        Self {
            features,
            sectors: u64::from(field(config::CAPACITY)) | u64::from(field(config::CAPACITY + 4)) << 32,
            blk_size: if_offered(F_BLK_SIZE, config::BLK_SIZE),
            size_max: if_offered(F_SIZE_MAX, config::SIZE_MAX),
        }
    }
}

impl DiskFacts {
    /// The class's record of a device with these facts, `sectors` sectors and a queue of `queue_depth`, served by a release
    /// that accepts the features `accepted`.
    ///
    /// No release accepts `F_CONFIG_WCE`. Then the rule is virtio 1.2, 5.2.6.2: with flush accepted the device may cache
    /// writes, and without it a write must not be answered before it is durable. A release of the second kind serves flush too,
    /// where others would: there is nothing to do for it.
    pub fn capabilities(
        &self,
        sectors: u64,
        queue_depth: u32,
        accepted: u64,
    ) -> Result<BlockCapabilities, ProbeError> {
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
            flags |= CAP_FLUSH;
        }
        if self.features & accepted & F_FLUSH != 0 {
            flags |= CAP_WRITE_BACK;
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

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: DiskFacts = DiskFacts {
        features: F_FLUSH,
        sectors: 2048,
        blk_size: 0,
        size_max: 0,
    };

    #[test]
    fn write_cache_follows_flush() {
        let record = FACTS.capabilities(2048, 16, F_FLUSH).unwrap();
        assert_eq!((record.block_size, record.capacity), (512, 2048));
        assert_eq!(
            (record.flags, record.max_transfer),
            (CAP_WRITE_BACK | CAP_FLUSH, 2048)
        );
        let flags = |features, accepted| {
            let facts = DiskFacts { features, ..FACTS };
            facts.capabilities(1, 1, accepted).unwrap().flags
        };
        assert_eq!(flags(0, F_FLUSH), 0);
        assert_eq!(flags(F_RO, F_FLUSH), CAP_READ_ONLY);
    }

    #[test]
    fn release_that_accepts_no_flush_writes_through() {
        let through = FACTS.capabilities(2048, 1, 0).unwrap();
        let back = FACTS.capabilities(2048, 16, F_FLUSH).unwrap();
        assert_eq!(through.flags, CAP_FLUSH);
        assert_eq!(back.lost(&through), 0);
        assert_eq!(through.lost(&back), device_class::block::LOST_DURABILITY);
    }

    #[test]
    fn geometry_is_taken_from_the_device_and_checked() {
        let facts = DiskFacts {
            features: F_BLK_SIZE | F_SIZE_MAX,
            blk_size: 4096,
            size_max: 65536,
            ..FACTS
        };
        let record = facts.capabilities(80, 16, 0).unwrap();
        assert_eq!(
            (record.block_size, record.capacity, record.max_transfer),
            (4096, 10, 16)
        );
        for blk_size in [0, 1, 256, 768, 8192, u32::MAX] {
            assert_eq!(
                DiskFacts { blk_size, ..facts }.capabilities(80, 16, 0),
                Err(ProbeError::Geometry)
            );
        }
        let short = DiskFacts {
            size_max: 4096,
            ..facts
        };
        assert_eq!(short.capabilities(80, 16, 0), Err(ProbeError::Geometry));
    }
}
