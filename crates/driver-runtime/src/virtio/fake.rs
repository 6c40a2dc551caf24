//! Devices for the host that say what they are and do nothing: enough for a release's probe, and so for its record.

extern crate std;

use std::boxed::Box;

use driver_package::resources::{DriverResources, MmioRegion};
use zerocopy::FromZeros;

use super::facts::disk::config;
use super::facts::{Facts as _, MAGIC, offset};
use super::{DiskFacts, NetFacts};
use crate::ProbeError;
use crate::block::{BlockCapabilities, BlockDriver};
use crate::host;
use crate::net::{NetCapabilities, NetDriver};
use crate::resources::Resources;

/// Words of a device's registers.
const WORDS: usize = 0x200 / 4;

/// A device of version 2 with registers that stay for ever: its id, features 0 to 31 (a driver that selects the other half reads
/// the same bits), and words of its configuration by their offset.
fn device(id: u32, features: u32, config: &[(usize, u32)]) -> Resources {
    let registers: &'static mut [u32; WORDS] = Box::leak(Box::new([0; WORDS]));
    for (at, value) in [
        (offset::MAGIC, MAGIC),
        (offset::VERSION, 2),
        (offset::DEVICE_ID, id),
        (offset::DEVICE_FEATURES, features),
        (offset::QUEUE_NUM_MAX, 1024),
    ] {
        registers[at / 4] = value;
    }
    for (at, value) in config {
        registers[(offset::CONFIG + at) / 4] = *value;
    }
    let mut page = DriverResources::new_zeroed();
    page.mmio_count = 1;
    page.mmio[0] = MmioRegion {
        vaddr: registers.as_mut_ptr().expose_provenance() as u64,
        paddr: 0,
        len: size_of_val(registers) as u64,
    };
    Resources::unchecked(page)
}

/// What a disk says of itself.
#[derive(Clone, Copy, Debug)]
pub struct FakeDisk {
    /// Features 0 to 31.
    pub features: u32,
    /// Capacity in sectors.
    pub sectors: u64,
    /// `blk_size`.
    pub blk_size: u32,
    /// `size_max`.
    pub size_max: u32,
}

impl FakeDisk {
    /// The record that `D` reports when it probes this disk.
    ///
    /// # Errors
    /// The driver's.
    pub fn record<D: BlockDriver>(&self) -> Result<BlockCapabilities, ProbeError> {
        let words = [
            (config::CAPACITY, self.sectors as u32),
            (config::CAPACITY + 4, (self.sectors >> 32) as u32),
            (config::SIZE_MAX, self.size_max),
            (config::BLK_SIZE, self.blk_size),
        ];
        let driver = D::probe(&device(DiskFacts::DEVICE, self.features, &words))?;
        let record = driver.capabilities();
        // It would take its leave of a device that is none.
        core::mem::forget(driver);
        Ok(record)
    }
}

/// What a network device says of itself.
#[derive(Clone, Copy, Debug)]
pub struct FakeCard {
    /// Features 0 to 31.
    pub features: u32,
    /// `mac`, the first byte lowest.
    pub mac: u64,
    /// `status`.
    pub status: u16,
    /// `mtu`.
    pub mtu: u16,
}

impl FakeCard {
    /// The record that `D` reports when it probes this device.
    ///
    /// # Errors
    /// The driver's.
    pub fn record<D: NetDriver>(&self) -> Result<NetCapabilities, ProbeError> {
        // virtio 1.2, 5.1.4: six bytes of address, then halves: `status`, the number of queues, `mtu`.
        let words = [
            (0, self.mac as u32),
            (4, (self.mac >> 32) as u32 & 0xffff | u32::from(self.status) << 16),
            (8, u32::from(self.mtu) << 16),
        ];
        let driver = D::probe(&device(NetFacts::DEVICE, self.features, &words))?;
        let record = driver.capabilities();
        // As a disk's.
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

/// The same for a release's network driver: features, `mac` as a number whose lowest byte is the first, `status`, `mtu`.
pub fn print_net_record<D: NetDriver>() {
    let mut numbers = host::numbers();
    let mut next = || numbers.next().unwrap_or(0);
    let card = FakeCard {
        features: next() as u32,
        mac: next(),
        status: next() as u16,
        mtu: next() as u16,
    };
    host::print(card.record::<D>());
}
