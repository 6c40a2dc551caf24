//! A heap of a fixed size, for programs that want one (feature `heap`).

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

use talc::TalcCell;
use talc::source::Manual;

/// Memory for a heap; a static of its own, so that it is among the program's zeroes and not in its image.
pub struct HeapMemory<const BYTES: usize>(UnsafeCell<MaybeUninit<[u8; BYTES]>>);

// SAFETY: nothing but a heap looks inside.
unsafe impl<const BYTES: usize> Sync for HeapMemory<BYTES> {}

impl<const BYTES: usize> HeapMemory<BYTES> {
    /// Nobody's yet.
    #[allow(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }
}

/// Gives out the memory: `#[global_allocator] static HEAP: Heap<65536> = unsafe { Heap::of(&MEMORY) };`
pub struct Heap<const BYTES: usize> {
    allocator: TalcCell<Manual>,
    memory: &'static HeapMemory<BYTES>,
    claimed: Cell<bool>,
}

// SAFETY: a protection domain has one thread, and no handler that runs between its instructions: no two accesses overlap.
unsafe impl<const BYTES: usize> Sync for Heap<BYTES> {}

impl<const BYTES: usize> Heap<BYTES> {
    /// All of it free.
    ///
    /// # Safety
    /// No other heap is of this memory, and this one is a static.
    pub const unsafe fn of(memory: &'static HeapMemory<BYTES>) -> Self {
        Self {
            allocator: TalcCell::new(Manual),
            memory,
            claimed: Cell::new(false),
        }
    }
}

// SAFETY: every method is the inner allocator's, which keeps the contract.
unsafe impl<const BYTES: usize> GlobalAlloc for Heap<BYTES> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.claimed.replace(true) {
            // SAFETY: the memory is a static that only heaps look into, and `of` required that this is the only one and a
            // static too: the allocator has it alone and for ever, and gets it once.
            let _ = unsafe { self.allocator.claim(self.memory.0.get().cast(), BYTES) };
        }
        // SAFETY: the caller's promise is the inner allocator's condition.
        unsafe { self.allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.allocator.dealloc(start, layout) }
    }
}
