//! What the glue around the published releases of `nvme-driver` has in common.
//!
//! No two releases have one API, so each has an adapter of its own. What they ask of their surroundings has other types in each, but
//! the same steps: those are the macros [`nvme_window!`](crate::nvme_window), [`nvme_registers!`](crate::nvme_registers) and
//! [`nvme_requests!`](crate::nvme_requests).

#[cfg(feature = "host")]
pub mod fake;
mod glue;
pub mod pages;

use device_class::block::{BlockCapabilities, CAP_FLUSH, CAP_WRITE_BACK};

use crate::ProbeError;
use crate::function::{self, Registers};
use crate::resources::Resources;

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// Longest transfer, in bytes; the same of all releases, so that none takes anything away from clients of another.
pub const TRANSFER_MAX: usize = 128 << 10;
/// Class code of a controller with the register interface of NVMe.
const CLASS: u32 = 0x01_0802;
/// The region that has the registers (NVMe 1.4, 2.1.10), and how many bytes the releases' have at least.
const BAR: u8 = 0;
const LEAST: u64 = 0x1010;

/// The registers of the controller at hand.
///
/// # Errors
/// [`ProbeError::WrongDevice`]: it is none. [`ProbeError::NoRegisters`]: its registers are not the driver's.
pub fn registers(resources: &Resources) -> Result<Registers, ProbeError> {
    function::registers(resources, CLASS, BAR, LEAST)
}

/// The record of a disk of so many blocks, of which a release moves at most `longest` at a time, with `queue_depth` requests under way.
///
/// # Errors
/// [`ProbeError::Geometry`]: blocks that the class cannot express.
pub fn capabilities(
    blocks: u64,
    block_size: usize,
    longest: u32,
    queue_depth: usize,
) -> Result<BlockCapabilities, ProbeError> {
    if !block_size.is_power_of_two() || !(512..=PAGE).contains(&block_size) {
        return Err(ProbeError::Geometry);
    }
    Ok(BlockCapabilities {
        capacity: blocks,
        block_size: block_size as u32,
        // The releases do not ask whether there is a cache: there may be one, and flush does no harm without.
        flags: CAP_FLUSH | CAP_WRITE_BACK,
        max_transfer: longest.min((TRANSFER_MAX / block_size) as u32),
        queue_depth: queue_depth as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_between_a_sector_and_a_page() {
        for size in [0, 256, 513, 8192] {
            assert_eq!(capabilities(1, size, 1, 1), Err(ProbeError::Geometry), "{size}");
        }
        let longest =
            |block_size, longest| capabilities(9, block_size, longest, 1).map(|record| record.max_transfer);
        assert_eq!(longest(512, u32::MAX), Ok(256));
        assert_eq!(longest(4096, u32::MAX), Ok(32));
        assert_eq!(longest(4096, 8), Ok(8));
    }
}
