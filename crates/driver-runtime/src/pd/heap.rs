//! The heap: the part of the window that root set aside for it.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use talc::TalcCell;
use talc::source::Manual;

use crate::pool::Pool;

struct Heap {
    general: TalcCell<Manual>,
    small: Pool,
}

impl Heap {
    /// From the general allocator, which is asked for what the pool has not: out of line, so that what it has takes no registers for it.
    ///
    /// # Safety
    /// The layout is not empty.
    #[cold]
    #[inline(never)]
    unsafe fn general(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.general.alloc(layout) }
    }
}

// SAFETY: a driver has one thread and no handler that runs between its instructions, so no two accesses overlap.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap {
    general: TalcCell::new(Manual),
    small: Pool::new(),
};

// SAFETY: blocks are the general allocator's, which keeps the contract, with a layout at least as large as was asked for; a
// small one that is given back is nobody's until it is taken again, by a request of its class.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, whole)) = Pool::class(layout) else {
            // SAFETY: the caller's promise is the general allocator's condition.
            return unsafe { self.general(layout) };
        };
        match self.small.take(class) {
            Some(block) => block.as_ptr(),
            // SAFETY: `whole` is not empty.
            None => unsafe { self.general(whole) },
        }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is this function's condition.
        let start = unsafe { self.alloc(layout) };
        match (Pool::class(layout), NonNull::new(start)) {
            // SAFETY: `alloc` gave it the layout of its class.
            (Some((class, _)), Some(block)) => unsafe { Pool::zero(class, block) },
            // SAFETY: as long as was asked for, and nobody else's.
            (None, Some(block)) => unsafe { block.write_bytes(0, layout.size()) },
            _ => {}
        }
        start
    }
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        match (Pool::class(layout), NonNull::new(start)) {
            // SAFETY: `alloc` gave it the layout of its class, and the caller is done with it.
            (Some((class, _)), Some(block)) => unsafe { self.small.keep(class, block) },
            // SAFETY: as in `alloc`.
            _ => unsafe { self.general.dealloc(start, layout) },
        }
    }
    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        match (Pool::class(layout), Pool::class(wanted)) {
            // SAFETY: neither is a small block; otherwise as in `alloc`.
            (None, None) => unsafe { self.general.realloc(start, layout, size) },
            (old, new) if old == new => start,
            _ => {
                // SAFETY: `size` is not 0 by the caller's promise.
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    // SAFETY: both are at least as long as the shorter of the two, and are different blocks.
                    unsafe { ptr::copy_nonoverlapping(start, moved, layout.size().min(size)) };
                    // SAFETY: the caller gave `start` up.
                    unsafe { self.dealloc(start, layout) };
                }
                moved
            }
        }
    }
}

/// Gives the memory to the allocator. Too little of it means that allocations fail.
///
/// # Safety
/// `start..start + len` is mapped, writable, and used by nothing else, for ever. Called once.
pub(super) unsafe fn init(start: u64, len: u64) {
    let base = core::ptr::with_exposed_provenance_mut(start as usize);
    // SAFETY: the caller's contract.
    let _ = unsafe { HEAP.general.claim(base, len as usize) };
}
