//! What the release asks of its surroundings: memory and registers.

use core::alloc::Layout;
use core::ptr::NonNull;

use dma_api::{DmaAllocHandle, DmaConstraints};

driver_runtime::nvme_window!(handle(vaddr), as_ptr, {
    unsafe fn alloc_coherent(&self, constraints: DmaConstraints, layout: Layout) -> Option<DmaAllocHandle> {
        // SAFETY: the same conditions.
        unsafe { self.alloc_contiguous(constraints, layout) }
    }
    unsafe fn dealloc_coherent(&self, handle: DmaAllocHandle) {
        // SAFETY: the same conditions.
        unsafe { self.dealloc_contiguous(handle) };
    }
    fn flush(&self, _: NonNull<u8>, _: usize) {}
    fn invalidate(&self, _: NonNull<u8>, _: usize) {}
    fn flush_invalidate(&self, _: NonNull<u8>, _: usize) {}
});
driver_runtime::nvme_registers!();
