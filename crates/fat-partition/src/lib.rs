//! A partition of a block session as a disk that the FAT library understands.
//!
//! The library only opens volumes it finds in a partition table of the old kind (MBR) in sector 0; a session *is* one partition,
//! without a table. So sector 0 of what the library sees is made up here ([`Disk`]), and everything else is shifted by one.
#![no_std]
#![forbid(unsafe_code)]

mod ahead;
#[cfg(feature = "pd")]
pub mod pd;
#[cfg(feature = "host")]
pub mod ram;
mod session;

pub use ahead::Ahead;
pub use session::{BROKEN, Session};

use core::cell::RefCell;
use core::fmt;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx, TimeSource, Timestamp};

/// Bytes of a sector.
pub const SECTOR: usize = 512;

/// Partition type "FAT32 with LBA addresses"; the library tells the kinds of FAT apart by the volume itself.
const TYPE_FAT32_LBA: u8 = 0x0c;

/// What moves sectors of the partition. Each call is one request, and waits for its answer; an error is the status number.
pub trait Sectors {
    /// Sectors of the partition.
    fn count(&self) -> u64;
    /// Read whole sectors from `first`.
    ///
    /// # Errors
    /// The status of the answer.
    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8>;
    /// Write whole sectors from `first`.
    ///
    /// # Errors
    /// The status of the answer.
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8>;
    /// Make what was written durable.
    ///
    /// # Errors
    /// The status of the answer.
    fn flush(&mut self) -> Result<(), u8>;
}

/// A request did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceError(pub u8);

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request ended with status {}", self.0)
    }
}

impl core::error::Error for DeviceError {}

/// The disk with the made-up sector 0.
#[derive(Debug)]
pub struct Disk<S>(RefCell<S>);

impl<S: Sectors> Disk<S> {
    /// Over a partition.
    pub fn new(sectors: S) -> Self {
        Self(RefCell::new(sectors))
    }

    /// Make what was written durable.
    ///
    /// # Errors
    /// The request did not succeed.
    pub fn flush(&self) -> Result<(), DeviceError> {
        self.0.borrow_mut().flush().map_err(DeviceError)
    }

    /// Sectors of the partition, as far as the library can count.
    fn sectors(&self) -> u32 {
        u32::try_from(self.0.borrow().count()).unwrap_or(u32::MAX - 1)
    }

    fn table(&self, block: &mut Block) {
        block.contents.fill(0);
        let entry = &mut block.contents[446..462];
        entry[4] = TYPE_FAT32_LBA;
        entry[8..12].copy_from_slice(&1u32.to_le_bytes());
        entry[12..16].copy_from_slice(&self.sectors().to_le_bytes());
        block.contents[510..].copy_from_slice(&[0x55, 0xaa]);
    }
}

impl<S: Sectors> BlockDevice for Disk<S> {
    type Error = DeviceError;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), DeviceError> {
        for (block, index) in blocks.iter_mut().zip(u64::from(start.0)..) {
            match index.checked_sub(1) {
                None => self.table(block),
                Some(sector) => self
                    .0
                    .borrow_mut()
                    .read(sector, &mut block.contents)
                    .map_err(DeviceError)?,
            }
        }
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), DeviceError> {
        for (block, index) in blocks.iter().zip(u64::from(start.0)..) {
            // The library has no reason to write the table, which is nowhere.
            let sector = index.checked_sub(1).ok_or(DeviceError(u8::MAX))?;
            self.0
                .borrow_mut()
                .write(sector, &block.contents)
                .map_err(DeviceError)?;
        }
        Ok(())
    }

    fn num_blocks(&self) -> Result<BlockCount, DeviceError> {
        Ok(BlockCount(self.sectors().saturating_add(1)))
    }
}

/// There is no clock that knows the date; all files get the first day FAT can name.
#[derive(Clone, Copy, Debug)]
pub struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp {
            year_since_1970: 10,
            zero_indexed_month: 0,
            zero_indexed_day: 0,
            hours: 0,
            minutes: 0,
            seconds: 0,
        }
    }
}
