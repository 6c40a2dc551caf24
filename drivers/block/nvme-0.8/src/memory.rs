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
use driver_runtime::nvme::{PAGE, TRANSFER_MAX};

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

driver_runtime::nvme_window!(handle(vaddr, here), allocation_ptr, {
    // For devices that are not coherent: not ours.
    unsafe fn alloc_coherent(&self, _: DmaConstraints, _: Layout) -> Option<DmaAllocHandle> {
        None
    }
    unsafe fn dealloc_coherent(&self, _: DmaAllocHandle) -> Result<(), DmaError> {
        Err(DmaError::CoherentReleaseFailed)
    }
});
driver_runtime::nvme_registers!();

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
