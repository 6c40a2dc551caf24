//! A driver of the block class over any release's queue: requests by token, completions in the device's order.
//!
//! No release has a flush that does not wait, and its wait takes whatever completes for its own. So a flush is begun
//! only when the queue is empty: until then the queue says that it is busy, and what follows the flush waits behind it.

use alloc::boxed::Box;
use core::ptr::NonNull;

use super::{DiskFacts, F_FLUSH, SECTOR};
use crate::ProbeError;
use crate::block::{BlockCapabilities, BlockDriver, Buffer, Completion, Op, Request, Status, Submit};
use crate::resources::Resources;

/// Depth of the queue, which is the same in all releases.
const DEPTH: usize = 16;

/// Why a release did not begin a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The queue has no room: nothing was done.
    QueueFull,
    /// The request has ended.
    Failed(Status),
}

/// What a release offers, under one name. Sectors are 512 bytes.
pub trait QueuedDisk: Sized {
    /// The release's request header.
    type Header: Default;
    /// The release's response.
    type Answer: Default;

    /// Bring up the device.
    fn open(resources: &Resources) -> Result<(Self, DiskFacts), ProbeError>;
    /// Capacity in sectors.
    fn sectors(&self) -> u64;

    /// Begin a read of `data` from `sector`; the token of the request.
    ///
    /// # Errors
    /// See [`Refused`].
    ///
    /// # Safety
    /// Header, answer and data stay where they are, and nothing accesses header and answer, until the request is completed
    /// by [`complete_read`](Self::complete_read). Data lie in a data region.
    unsafe fn read(
        &mut self,
        sector: usize,
        header: &mut Self::Header,
        data: NonNull<[u8]>,
        answer: &mut Self::Answer,
    ) -> Result<u16, Refused>;
    /// Begin a write; as [`read`](Self::read).
    ///
    /// # Safety
    /// As for `read`, with `complete_write`.
    unsafe fn write(
        &mut self,
        sector: usize,
        header: &mut Self::Header,
        data: NonNull<[u8]>,
        answer: &mut Self::Answer,
    ) -> Result<u16, Refused>;

    /// Token of a request that has ended.
    fn peek_used(&mut self) -> Option<u16>;

    /// Take the end of a read.
    ///
    /// # Safety
    /// Token, header, data and answer are those of one [`read`](Self::read) that is not completed.
    unsafe fn complete_read(
        &mut self,
        token: u16,
        header: &Self::Header,
        data: NonNull<[u8]>,
        answer: &mut Self::Answer,
    ) -> Status;
    /// Take the end of a write.
    ///
    /// # Safety
    /// As for `complete_read`, with `write`.
    unsafe fn complete_write(
        &mut self,
        token: u16,
        header: &Self::Header,
        data: NonNull<[u8]>,
        answer: &mut Self::Answer,
    ) -> Status;

    /// Flush, and wait for it. Nothing else is in the queue.
    fn flush(&mut self) -> Status;
    /// Tell the device that its interrupt was seen.
    fn acknowledge(&mut self);
}

/// A place for one request in the queue. Header and answer are read and written by the device.
#[derive(Debug, Default)]
struct Place<H, A> {
    header: H,
    answer: A,
    /// What is there, unless the place is free.
    waiting: Waiting,
}

/// A request under way, as far as its completion needs it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: u32,
    count: u32,
    data: Buffer,
    token: u16,
    writes: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            id: 0,
            count: 0,
            data: Buffer::EMPTY,
            token: 0,
            writes: false,
        }
    }
}

/// A disk of any release as a driver of the block class.
pub struct QueuedBlock<D: QueuedDisk> {
    /// Dropped before the places that its device uses.
    disk: D,
    capabilities: BlockCapabilities,
    places: Box<[Place<D::Header, D::Answer>; DEPTH]>,
    /// Bit per free place.
    free: u32,
    sectors_per_block: u64,
    /// Which place has a token, by the token modulo the depth; a hint, as a release may number its tokens as it likes.
    by_token: [u8; DEPTH],
}

/// All places.
const ALL: u32 = (1 << DEPTH) - 1;

impl<D: QueuedDisk> QueuedBlock<D> {
    /// The place whose request has this token.
    #[inline]
    fn place_of(&self, token: u16) -> Option<usize> {
        // Not beyond the places, so that nobody has to ask.
        let hint = usize::from(self.by_token[usize::from(token) % DEPTH]) % DEPTH;
        if self.has(hint, token) {
            return Some(hint);
        }
        self.search(token)
    }

    #[inline]
    fn has(&self, index: usize, token: u16) -> bool {
        let place = self.places.get(index);
        place.is_some_and(|place| self.free >> index & 1 == 0 && place.waiting.token == token)
    }

    #[cold]
    #[inline(never)] // Nothing of it is to be in the loop over completions.
    fn search(&self, token: u16) -> Option<usize> {
        (0..DEPTH).find(|index| self.has(*index, token))
    }

    /// Put a read or write into the queue.
    fn transfer(&mut self, request: &Request) -> Submit {
        // Validated against the capacity, which was the sectors divided by the same number.
        let sector = (request.block * self.sectors_per_block) as usize;
        let index = self.free.trailing_zeros() as usize;
        let Some(place) = self.places.get_mut(index) else {
            return Submit::Busy;
        };
        let data = request.data.as_ptr();
        let writes = request.op == Op::Write;
        // SAFETY: the place is free; it lies in a box that lives as long as the disk, and its header and answer are not
        // touched before `poll` completes the request, because `free` below says that it is taken. The data were
        // validated to lie in a data region.
        let begun = unsafe {
            if writes {
                self.disk
                    .write(sector, &mut place.header, data, &mut place.answer)
            } else {
                self.disk.read(sector, &mut place.header, data, &mut place.answer)
            }
        };
        match begun {
            Ok(token) => {
                place.waiting = Waiting {
                    id: request.id,
                    count: request.count,
                    data: request.data,
                    token,
                    writes,
                };
                self.free &= !(1 << index);
                self.by_token[usize::from(token) % DEPTH] = index as u8;
                Submit::Accepted
            }
            // A queue that is full while it is empty will never have room.
            Err(Refused::QueueFull) if self.free == ALL => Submit::Done(Status::IoError),
            Err(Refused::QueueFull) => Submit::Busy,
            Err(Refused::Failed(status)) => Submit::Done(status),
        }
    }
}

impl<D: QueuedDisk> BlockDriver for QueuedBlock<D> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let (disk, facts) = D::open(resources)?;
        // All releases of this kind accept flush.
        let capabilities = facts.capabilities(disk.sectors(), DEPTH as u32, F_FLUSH)?;
        let places = Box::new(core::array::from_fn(|_| Place {
            header: D::Header::default(),
            answer: D::Answer::default(),
            waiting: Waiting::default(),
        }));
        Ok(Self {
            disk,
            capabilities,
            places,
            free: ALL,
            sectors_per_block: u64::from(capabilities.block_size / SECTOR),
            by_token: [0; DEPTH],
        })
    }

    fn capabilities(&self) -> BlockCapabilities {
        self.capabilities
    }

    fn submit(&mut self, request: &Request) -> Submit {
        match request.op {
            Op::Read | Op::Write => self.transfer(request),
            Op::Flush if self.free != ALL => Submit::Busy,
            Op::Flush => Submit::Done(self.disk.flush()),
            Op::Discard | Op::WriteZeroes => Submit::Done(Status::Unsupported),
        }
    }

    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        // As many as can be in the queue: a device that goes on for ever does not keep us here.
        for _ in 0..DEPTH {
            let Some(token) = self.disk.peek_used() else {
                return;
            };
            // A token that nobody has: the device is broken, and stays so. The shadow's deadline ends it.
            let Some(index) = self.place_of(token) else { return };
            let place = &mut self.places[index];
            let waiting = place.waiting;
            self.free |= 1 << index;
            let data = waiting.data.as_ptr();
            // SAFETY: the place was taken for exactly this token, header, data and answer, and is free only now.
            let status = unsafe {
                if waiting.writes {
                    self.disk
                        .complete_write(token, &place.header, data, &mut place.answer)
                } else {
                    self.disk
                        .complete_read(token, &place.header, data, &mut place.answer)
                }
            };
            let count = if status == Status::Ok { waiting.count } else { 0 };
            done(Completion {
                id: waiting.id,
                status,
                count,
            });
        }
    }

    fn handle_interrupt(&mut self) {
        self.disk.acknowledge();
    }
}

#[cfg(test)]
mod tests;
