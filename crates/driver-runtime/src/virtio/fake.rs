//! A disk for the host that says what it is and does nothing: enough for a release's probe, and so for its record.

extern crate std;

use std::boxed::Box;

use driver_package::resources::{DriverResources, MmioRegion};
use zerocopy::FromZeros;

use super::facts::disk::{BLOCK_DEVICE, config};
use super::facts::{MAGIC, offset};
use crate::ProbeError;
use crate::block::{BlockCapabilities, BlockDriver};
use crate::host;
use crate::resources::Resources;

/// Words of the device's registers.
const WORDS: usize = 0x200 / 4;

/// What the device says of itself.
#[derive(Clone, Copy, Debug)]
pub struct FakeDisk {
    /// Features 0 to 31. A driver that selects the other half reads the same bits.
    pub features: u32,
    /// Capacity in sectors.
    pub sectors: u64,
    /// `blk_size`.
    pub blk_size: u32,
    /// `size_max`.
    pub size_max: u32,
}

impl FakeDisk {
    /// Registers of a device of version 2, which stay for ever.
    fn registers(&self) -> &'static mut [u32; WORDS] {
        let registers = Box::leak(Box::new([0; WORDS]));
        for (at, value) in [
            (offset::MAGIC, MAGIC),
            (offset::VERSION, 2),
            (offset::DEVICE_ID, BLOCK_DEVICE),
            (offset::DEVICE_FEATURES, self.features),
            (offset::QUEUE_NUM_MAX, 1024),
            (offset::CONFIG + config::CAPACITY, self.sectors as u32),
            (offset::CONFIG + config::CAPACITY + 4, (self.sectors >> 32) as u32),
            (offset::CONFIG + config::SIZE_MAX, self.size_max),
            (offset::CONFIG + config::BLK_SIZE, self.blk_size),
        ] {
            registers[at / 4] = value;
        }
        registers
    }

    /// The record that `D` reports when it probes this disk.
    pub fn record<D: BlockDriver>(&self) -> Result<BlockCapabilities, ProbeError> {
        let registers = self.registers();
        let mut page = DriverResources::new_zeroed();
        page.mmio_count = 1;
        page.mmio[0] = MmioRegion {
            vaddr: registers.as_mut_ptr().expose_provenance() as u64,
            paddr: 0,
            len: size_of_val(registers) as u64,
        };
        let resources = Resources::unchecked(page);
        let driver = D::probe(&resources)?;
        let record = driver.capabilities();
        // It would take its leave of a device that is none.
        core::mem::forget(driver);
        Ok(record)
    }
}

/// The program that each release has for the host: probes the disk that the arguments describe (features, sectors, `blk_size`,
/// `size_max`), and prints `record` with the record's numbers, or `error` and the number of the [`ProbeError`].
pub fn print_record<D: BlockDriver>() {
    let mut numbers = host::numbers();
    let mut next = || numbers.next().unwrap_or(0);
    let disk = FakeDisk {
        features: next() as u32,
        sectors: next(),
        blk_size: next() as u32,
        size_max: next() as u32,
    };
    host::print(disk.record::<D>());
}
