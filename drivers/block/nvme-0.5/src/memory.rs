//! What the release asks of its surroundings: memory and registers.

use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use dma_api::{DmaAllocHandle, DmaConstraints, DmaDirection, DmaError, DmaMapHandle, DmaOp};
use driver_runtime::dma;
use mmio_api::{MapError, MmioAddr, MmioOp, MmioRaw};

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// Pages of the window, for queues and lists.
pub struct Window;

// SAFETY (of what the trait asks): pages come from our heap, zeroed, aligned to pages, and belong to the release until it gives them
// back; the device's address is that of the window, which it reaches. Device and processor see the same memory, so nothing has to be
// done for one to see what the other wrote.
impl DmaOp for Window {
    fn page_size(&self) -> usize {
        PAGE
    }
    unsafe fn alloc_contiguous(&self, constraints: DmaConstraints, layout: Layout) -> Option<DmaAllocHandle> {
        if constraints.align.max(layout.align()) > PAGE {
            return None;
        }
        let (io_addr, vaddr) = dma::alloc_pages(layout.size().div_ceil(PAGE))?;
        // SAFETY: both addresses are of the same pages, as many as the layout has bytes, and nobody else has them.
        Some(unsafe { DmaAllocHandle::new(vaddr, io_addr.into(), layout) })
    }
    unsafe fn dealloc_contiguous(&self, handle: DmaAllocHandle) {
        // SAFETY: from `alloc_contiguous`, with the same number of pages; by the caller's word nobody uses them any more.
        unsafe { dma::free_pages(handle.as_ptr(), handle.size().div_ceil(PAGE)) };
    }
    unsafe fn alloc_coherent(&self, constraints: DmaConstraints, layout: Layout) -> Option<DmaAllocHandle> {
        // SAFETY: the same conditions.
        unsafe { self.alloc_contiguous(constraints, layout) }
    }
    unsafe fn dealloc_coherent(&self, handle: DmaAllocHandle) {
        // SAFETY: the same conditions.
        unsafe { self.dealloc_contiguous(handle) };
    }
    // The release maps nobody's buffers.
    unsafe fn map_streaming(
        &self,
        _: DmaConstraints,
        _: NonNull<u8>,
        _: NonZeroUsize,
        _: DmaDirection,
    ) -> Result<DmaMapHandle, DmaError> {
        Err(DmaError::NoMemory)
    }
    unsafe fn unmap_streaming(&self, _: DmaMapHandle) {}
    fn flush(&self, _: NonNull<u8>, _: usize) {}
    fn invalidate(&self, _: NonNull<u8>, _: usize) {}
    fn flush_invalidate(&self, _: NonNull<u8>, _: usize) {}
}

/// The device's registers.
pub struct Registers;

impl MmioOp for Registers {
    fn ioremap(&self, addr: MmioAddr, size: usize) -> Result<MmioRaw, MapError> {
        let start = dma::registers(addr.as_usize() as u64, size as u64);
        // SAFETY: root mapped these registers there, for as long as this generation has the device.
        Ok(unsafe { MmioRaw::new(addr, start, size) })
    }
    fn iounmap(&self, _: &MmioRaw) {}
}
