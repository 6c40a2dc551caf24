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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_that_came_back_is_not_made_anew() {
        const PAGE: u64 = 0x4000_0000;
        memory::init_data().unwrap();
        let len = |bytes| NonZeroUsize::new(bytes).unwrap();
        let mut buffers = Buffers::new();
        // What is made is zeroed, and it is the scratch that is.
        let mut is_made = |io_addr, bytes| {
            memory::set_scratch(0x5a);
            let buffer = buffers.take(io_addr, len(bytes)).unwrap();
            assert_eq!((buffer.dma_addr().as_u64(), buffer.len().get()), (io_addr, bytes));
            buffers.keep(buffer);
            memory::scratch() == 0
        };
        assert!(is_made(PAGE, 4096));
        assert!(!is_made(PAGE, 4096));
        assert!(is_made(PAGE, 512), "another length is another buffer");
        for page in 1..PLACES as u64 / 2 {
            assert!(is_made(PAGE + 4096 * page, 4096));
        }
        assert!(!is_made(PAGE, 512), "neighbours have places of their own");
        let both = [(); 2].map(|()| buffers.take(PAGE, len(512)).unwrap().dma_addr().as_u64());
        assert_eq!(both, [PAGE; 2], "the same bytes may be under way twice");
        assert!(memory::data(PAGE, len(driver_runtime::nvme::TRANSFER_MAX + 1)).is_err());
    }
}
