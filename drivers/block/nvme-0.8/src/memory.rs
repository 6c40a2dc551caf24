//! What the release asks of its surroundings: memory, data for the device, registers.

use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

use alloc::alloc::alloc_zeroed;
use dma_api::{
    CpuDmaBuffer, DeviceDma, DmaAddr, DmaAllocHandle, DmaCoherency, DmaConstraints, DmaDeviceInfo,
    DmaDirection, DmaDomainId, DmaError, DmaMapHandle, DmaOp,
};
use driver_runtime::dma;
use mmio_api::{MapError, MmioAddr, MmioOp, MmioRaw};

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// Longest transfer, in bytes.
pub const TRANSFER_MAX: usize = 128 << 10;

/// Device and processor see the same memory, at addresses without limits.
const DEVICE: DmaDeviceInfo = DmaDeviceInfo::new(
    DmaDomainId::Direct,
    DmaCoherency::Coherent,
    DmaConstraints::new(u64::MAX),
);

/// The release's own memory, for queues and lists.
pub fn own() -> DeviceDma {
    DeviceDma::new(DEVICE, &Window)
}

/// Pages of the window.
struct Window;

// SAFETY (of what the trait asks): pages come from our heap, zeroed, aligned to pages, and belong to the release until it gives them
// back; the device's address is that of the window, which it reaches.
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
        Some(unsafe { DmaAllocHandle::new(vaddr, vaddr, io_addr.into(), layout) })
    }
    unsafe fn dealloc_contiguous(&self, handle: DmaAllocHandle) {
        // SAFETY: from `alloc_contiguous`, with the same number of pages; by the caller's word nobody uses them any more.
        unsafe { dma::free_pages(handle.allocation_ptr(), handle.size().div_ceil(PAGE)) };
    }
    // For devices that are not coherent: not ours.
    unsafe fn alloc_coherent(&self, _: DmaConstraints, _: Layout) -> Option<DmaAllocHandle> {
        None
    }
    unsafe fn dealloc_coherent(&self, _: DmaAllocHandle) -> Result<(), DmaError> {
        Err(DmaError::CoherentReleaseFailed)
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
}

/// Requests' data, which lie where clients have them: nothing is copied.
///
/// The release wants a request to own a buffer that `dma-api` allocated, and that one zeroes what it allocates. A client's bytes must
/// not be zeroed. So a buffer has the client's address for the device, and for the processor a piece of memory that all buffers
/// share and nobody reads (`docs/design/030-nvme.md`).
struct Data {
    /// [`TRANSFER_MAX`] bytes that are written and never read.
    scratch: AtomicPtr<u8>,
    /// The device's address for the buffer that is being made.
    next: AtomicU64,
}

static DATA: Data = Data {
    scratch: AtomicPtr::new(core::ptr::null_mut()),
    next: AtomicU64::new(0),
};

/// Gets the memory that buffers of [`data`] have for the processor. `None`: there is none.
pub fn init_data() -> Option<()> {
    let layout = Layout::from_size_align(TRANSFER_MAX, PAGE).ok()?;
    // SAFETY: the layout is not empty.
    let scratch = NonNull::new(unsafe { alloc_zeroed(layout) })?;
    DATA.scratch.store(scratch.as_ptr(), Relaxed);
    Some(())
}

/// The scratch's first byte.
#[cfg(test)]
pub(crate) fn scratch() -> u8 {
    // SAFETY: the tests' only thread that uses it has made it.
    unsafe { DATA.scratch.load(Relaxed).read() }
}

/// Sets the scratch's first byte.
#[cfg(test)]
pub(crate) fn set_scratch(byte: u8) {
    // SAFETY: as above.
    unsafe { DATA.scratch.load(Relaxed).write(byte) };
}

/// A buffer of `len` bytes, at most [`TRANSFER_MAX`], that the device finds at `io_addr`.
pub fn data(io_addr: u64, len: NonZeroUsize) -> Result<CpuDmaBuffer, DmaError> {
    DATA.next.store(io_addr, Relaxed);
    // One for both directions: what is known of a buffer does not depend on what it was used for.
    CpuDmaBuffer::new_zero(
        &DeviceDma::new(DEVICE, &DATA),
        len,
        1,
        DmaDirection::Bidirectional,
    )
}

// SAFETY (of what the trait asks): see `alloc_contiguous`.
impl DmaOp for Data {
    fn page_size(&self) -> usize {
        PAGE
    }
    unsafe fn alloc_contiguous(&self, _: DmaConstraints, layout: Layout) -> Option<DmaAllocHandle> {
        let scratch = NonNull::new(self.scratch.load(Relaxed)).filter(|_| layout.size() <= TRANSFER_MAX)?;
        let io_addr: DmaAddr = self.next.load(Relaxed).into();
        // SAFETY: the scratch is as long as the layout, lives for ever, and may be written by whoever has a handle: no reference to it
        // is ever made. That the device has other memory there than the processor is a departure from the letter of this contract.
        // Its purposes are kept: the device reaches what its address says, which the shadow keeps for the request until it has ended,
        // and the bytes that the processor sees decide nothing. `nvme-driver` 0.8.2 looks at no request's bytes, and `dma-api`
        // 0.10.2 writes zeroes when a buffer is made and, for a coherent device, touches them never again.
        Some(unsafe { DmaAllocHandle::new(scratch, scratch, io_addr, layout) })
    }
    unsafe fn dealloc_contiguous(&self, _: DmaAllocHandle) {}
    unsafe fn alloc_coherent(&self, _: DmaConstraints, _: Layout) -> Option<DmaAllocHandle> {
        None
    }
    unsafe fn dealloc_coherent(&self, _: DmaAllocHandle) -> Result<(), DmaError> {
        Err(DmaError::CoherentReleaseFailed)
    }
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
