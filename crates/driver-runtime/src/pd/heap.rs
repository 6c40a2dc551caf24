//! The heap: the part of the window that root set aside for it.

use core::alloc::{GlobalAlloc, Layout};

use talc::TalcCell;
use talc::source::Manual;

struct Heap(TalcCell<Manual>);

// SAFETY: a driver has one thread and no handler that runs between its instructions, so no two accesses overlap.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(TalcCell::new(Manual));

// SAFETY: every method is the inner allocator's, which keeps the contract.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the inner allocator's condition.
        unsafe { self.0.alloc(layout) }
    }
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.0.dealloc(start, layout) }
    }
    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.realloc(start, layout, size) }
    }
}

/// Gives the memory to the allocator. Too little of it means that allocations fail.
///
/// # Safety
/// `start..start + len` is mapped, writable, and used by nothing else, for ever. Called once.
pub(super) unsafe fn init(start: u64, len: u64) {
    let base = core::ptr::with_exposed_provenance_mut(start as usize);
    // SAFETY: the caller's contract.
    let _ = unsafe { HEAP.0.claim(base, len as usize) };
}
