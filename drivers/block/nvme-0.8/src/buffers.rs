//! Buffers that came back, kept for the next request with the same bytes.

use core::num::NonZeroUsize;

use dma_api::{CpuDmaBuffer, DmaError};

use crate::memory;

/// Buffers that are kept at most.
const PLACES: usize = 64;

/// Each buffer has one place that it can be in, by its address. Clients use the same few buffers again and again, and making one
/// zeroes memory as long as it is.
pub struct Buffers {
    places: [Option<CpuDmaBuffer>; PLACES],
}

impl Buffers {
    /// None.
    pub fn new() -> Self {
        Self {
            places: [const { None }; PLACES],
        }
    }

    /// Neighbours have different places, be they pages or sectors.
    fn place(&mut self, io_addr: u64) -> &mut Option<CpuDmaBuffer> {
        let place = (io_addr >> 12 ^ io_addr >> 9) as usize % PLACES;
        &mut self.places[place]
    }

    /// A buffer of `len` bytes that the device finds at `io_addr`.
    #[inline]
    pub fn take(&mut self, io_addr: u64, len: NonZeroUsize) -> Result<CpuDmaBuffer, DmaError> {
        let place = self.place(io_addr);
        let fits = |buffer: &CpuDmaBuffer| buffer.dma_addr() == io_addr && buffer.len() == len;
        if place.as_ref().is_some_and(fits)
            && let Some(buffer) = place.take()
        {
            return Ok(buffer);
        }
        memory::data(io_addr, len)
    }

    /// Keeps a buffer that the device has done with.
    #[inline]
    pub fn keep(&mut self, buffer: CpuDmaBuffer) {
        let place = self.place(buffer.dma_addr().as_u64());
        *place = Some(buffer);
    }
}
