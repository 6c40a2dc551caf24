//! The partition as a disk that the FAT library understands.
//!
//! The library only opens volumes it finds in a partition table of the old kind (MBR) in sector 0; our session *is* one partition,
//! without a table. So sector 0 of what it sees is made up here, and everything else is shifted by one.

use core::cell::RefCell;
use core::fmt;

use client_report::{Counter, Report, Violation, ViolationKind};
use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};

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
    /// The counter now, in ticks.
    fn now(&self) -> u64;
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

/// The disk with the made-up sector 0. Counts every request in the report.
#[derive(Debug)]
pub struct Disk<'a, S> {
    inner: RefCell<Inner<S>>,
    report: Report<'a>,
}

#[derive(Debug)]
struct Inner<S> {
    sectors: S,
    last_completion: u64,
}

impl<'a, S: Sectors> Disk<'a, S> {
    /// Over a partition.
    pub fn new(sectors: S, report: Report<'a>) -> Self {
        let last_completion = sectors.now();
        Self {
            inner: RefCell::new(Inner {
                sectors,
                last_completion,
            }),
            report,
        }
    }

    /// Make what was written durable.
    ///
    /// # Errors
    /// The request did not succeed.
    pub fn flush(&self) -> Result<(), DeviceError> {
        self.request(Counter::Flushes, 0, u64::MAX, |sectors| sectors.flush())
    }

    fn request(
        &self,
        counter: Counter,
        bytes: usize,
        index: u64,
        request: impl FnOnce(&mut S) -> Result<(), u8>,
    ) -> Result<(), DeviceError> {
        let mut inner = self.inner.borrow_mut();
        let outcome = request(&mut inner.sectors);
        let now = inner.sectors.now();
        let gap = now.saturating_sub(core::mem::replace(&mut inner.last_completion, now));
        if gap > self.report.get(Counter::LongestGap) {
            self.report.set(Counter::LongestGap, gap);
        }
        self.report.add(Counter::Requests, 1);
        self.report.add(counter, 1);
        match outcome {
            Ok(()) => self.report.add(Counter::Bytes, bytes as u64),
            Err(status) => self.report.violation(Violation {
                kind: ViolationKind::ClientError,
                index,
                found: status.into(),
                least: 0,
                most: 0,
            }),
        }
        outcome.map_err(DeviceError)
    }

    /// Sectors of the partition, as far as the library can count.
    fn sectors(&self) -> u32 {
        u32::try_from(self.inner.borrow().sectors.count()).unwrap_or(u32::MAX - 1)
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

impl<S: Sectors> BlockDevice for Disk<'_, S> {
    type Error = DeviceError;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), DeviceError> {
        for (block, index) in blocks.iter_mut().zip(u64::from(start.0)..) {
            match index.checked_sub(1) {
                None => self.table(block),
                Some(sector) => self.request(Counter::Reads, SECTOR, sector, |sectors| {
                    sectors.read(sector, &mut block.contents)
                })?,
            }
        }
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), DeviceError> {
        for (block, index) in blocks.iter().zip(u64::from(start.0)..) {
            // The library has no reason to write the table, which is nowhere.
            let sector = index.checked_sub(1).ok_or(DeviceError(u8::MAX))?;
            self.request(Counter::Writes, SECTOR, sector, |sectors| {
                sectors.write(sector, &block.contents)
            })?;
        }
        Ok(())
    }

    fn num_blocks(&self) -> Result<BlockCount, DeviceError> {
        Ok(BlockCount(self.sectors().saturating_add(1)))
    }
}
