//! A driver of the block class over a release that waits for each sector.
//!
//! Releases before 0.6 move one sector (512 bytes) at a time. Their calls that do not wait have room for five requests, and in 0.1
//! leave the request's header on a stack that is gone when the device reads it. So the adapter uses the calls that wait, which
//! are the same and sound in all of them.

use core::ptr::NonNull;

use super::{DiskFacts, SECTOR};
use crate::ProbeError;
use crate::block::{BlockCapabilities, BlockDriver, Completion, Op, Request, Status, Submit};
use crate::resources::Resources;

/// What a release offers, under one name.
pub trait SectorDisk: Sized {
    /// Bring up the device.
    fn open(resources: &Resources) -> Result<(Self, DiskFacts), ProbeError>;

    /// Read a sector into `data`, [`SECTOR`] bytes, and wait for it.
    ///
    /// # Safety
    /// Data lie in a data region.
    unsafe fn read(&mut self, sector: usize, data: NonNull<[u8]>) -> Status;

    /// Write a sector from `data`, and wait for it.
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    unsafe fn write(&mut self, sector: usize, data: NonNull<[u8]>) -> Status;

    /// Tell the device that its interrupt was seen.
    fn acknowledge(&mut self);
}

/// A disk of such a release as a synchronous driver of the block class.
pub struct SectorBlock<D: SectorDisk> {
    disk: D,
    capabilities: BlockCapabilities,
}

impl<D: SectorDisk> SectorBlock<D> {
    /// Carry out a read or write, sector by sector. The first that fails ends it.
    fn transfer(&mut self, request: &Request) -> Status {
        // Validated against the capacity, which was the sectors divided by the same number.
        let first = (request.block * u64::from(self.capabilities.block_size / SECTOR)) as usize;
        let data = request.data.as_ptr();
        for index in 0..data.len() / SECTOR as usize {
            // SAFETY: the offset is less than the length of the data.
            let start = unsafe { data.cast::<u8>().add(index * SECTOR as usize) };
            let sector = NonNull::slice_from_raw_parts(start, SECTOR as usize);
            // SAFETY: part of the data, which were validated to lie in a data region.
            let status = unsafe {
                match request.op {
                    Op::Write => self.disk.write(first + index, sector),
                    _ => self.disk.read(first + index, sector),
                }
            };
            if status != Status::Ok {
                return status;
            }
        }
        Status::Ok
    }
}

impl<D: SectorDisk> BlockDriver for SectorBlock<D> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let (disk, facts) = D::open(resources)?;
        // None of these releases accepts a feature.
        let capabilities = facts.capabilities(facts.sectors, 1, 0)?;
        Ok(Self { disk, capabilities })
    }

    fn capabilities(&self) -> BlockCapabilities {
        self.capabilities
    }

    fn submit(&mut self, request: &Request) -> Submit {
        Submit::Done(match request.op {
            Op::Read | Op::Write => self.transfer(request),
            // What was answered is durable (`DiskFacts::capabilities`).
            Op::Flush => Status::Ok,
            Op::Discard | Op::WriteZeroes => Status::Unsupported,
        })
    }

    fn poll(&mut self, _: impl FnMut(Completion)) {}

    fn handle_interrupt(&mut self) {
        self.disk.acknowledge();
    }
}

#[cfg(test)]
mod tests;
