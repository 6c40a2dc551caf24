//! Small blocks of the heap that were given back, kept for the next who asks for one of that size.
//!
//! A published driver allocates and frees a list of descriptors for every request. A general allocator looks for a place and
//! joins what is free; this one takes the block that was freed last.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// Sizes and alignments are rounded up to multiples of this.
const GRAIN: usize = 64;
/// Classes: blocks of one to so many grains.
const CLASSES: usize = 8;

/// Free blocks by class, each with the address of the next in its first word.
#[derive(Debug)]
pub struct Pool {
    free: [Cell<*mut Free>; CLASSES],
}

#[derive(Debug)]
struct Free {
    next: *mut Free,
}

impl Pool {
    /// No blocks.
    pub const fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
        }
    }

    /// Class of a layout, and the layout that every block of the class has; `None` if such blocks are not kept.
    #[inline]
    pub fn class(layout: Layout) -> Option<(usize, Layout)> {
        let class = layout.size().wrapping_sub(1) / GRAIN;
        if class >= CLASSES || layout.align() > GRAIN {
            return None;
        }
        let whole = Layout::from_size_align((class + 1) * GRAIN, GRAIN).ok()?;
        Some((class, whole))
    }

    /// A block of the class that was given back.
    #[inline]
    pub fn take(&self, class: usize) -> Option<NonNull<u8>> {
        let head = self.free.get(class)?;
        let block = NonNull::new(head.get())?;
        // SAFETY: `keep` wrote a `Free` there, and the block has been nobody's since.
        head.set(unsafe { block.as_ref() }.next);
        Some(block.cast())
    }

    /// Zeroes the whole of a block, grain by grain: a general way for any length takes longer than the few words of a small one.
    ///
    /// # Safety
    /// `block` has the layout of `class` ([`class`](Self::class)) and is valid for writes.
    #[inline]
    pub unsafe fn zero(class: usize, block: NonNull<u8>) {
        for grain in 0..=class {
            // SAFETY: the block has `class + 1` grains, and their alignment, by the caller's word.
            unsafe { block.cast::<[u64; GRAIN / 8]>().add(grain).write([0; GRAIN / 8]) };
        }
    }

    /// Keeps a block.
    ///
    /// # Safety
    /// `block` has the layout of `class` ([`class`](Self::class)), is valid for reads and writes until [`take`](Self::take) returns it,
    /// and nothing else uses it until then.
    #[inline]
    pub unsafe fn keep(&self, class: usize, block: NonNull<u8>) {
        if let Some(head) = self.free.get(class) {
            let block = block.cast::<Free>();
            // SAFETY: the caller's word; a block has at least one grain and the alignment of one, more than `Free` needs.
            unsafe { block.write(Free { next: head.get() }) };
            head.set(block.as_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::alloc::{alloc, dealloc};

    #[test]
    fn classes_hold_what_they_are_asked_for() {
        let class = |size, align| Pool::class(Layout::from_size_align(size, align).unwrap());
        for size in 1..=CLASSES * GRAIN {
            let (class, whole) = class(size, 8).unwrap();
            assert!(whole.size() >= size && whole.size() < size + GRAIN && class < CLASSES);
        }
        assert_eq!(class(0, 1), None);
        assert_eq!(class(CLASSES * GRAIN + 1, 1), None);
        assert_eq!(class(1, 2 * GRAIN), None);
    }

    #[test]
    fn zeroed_block_is_zero_to_its_end() {
        let (class, layout) = Pool::class(Layout::new::<[u64; 17]>()).unwrap();
        // SAFETY: the layout is not empty; the block is filled before it is read, and given back with the same layout.
        unsafe {
            let block = NonNull::new(alloc(layout)).unwrap();
            block.write_bytes(0xa5, layout.size());
            Pool::zero(class, block);
            let bytes = core::slice::from_raw_parts(block.as_ptr(), layout.size());
            assert!(layout.size() == 192 && bytes.iter().all(|byte| *byte == 0));
            dealloc(block.as_ptr(), layout);
        }
    }

    #[test]
    fn block_given_back_last_is_taken_first_and_by_its_class_only() {
        let pool = Pool::new();
        let (class, layout) = Pool::class(Layout::new::<[u64; 9]>()).unwrap();
        let blocks = [(); 3].map(|()| {
            // SAFETY: the layout is not empty.
            NonNull::new(unsafe { alloc(layout) }).unwrap()
        });
        for block in blocks {
            // SAFETY: just allocated with the layout of the class, and used by nobody.
            unsafe { pool.keep(class, block) };
        }
        assert_eq!(pool.take(class + 1), None);
        for block in blocks.iter().rev() {
            assert_eq!(pool.take(class), Some(*block));
        }
        assert_eq!(pool.take(class), None);
        for block in blocks {
            // SAFETY: allocated above with this layout, and out of the pool.
            unsafe { dealloc(block.as_ptr(), layout) };
        }
    }
}
