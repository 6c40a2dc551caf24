//! Access to one page of a link: single words, each access atomic.
//!
//! The peer may write its page at any time, so a plain read would be a data race. Atomic words make every access
//! defined whatever the peer does; on AArch64 a relaxed one is an ordinary load or store. [`Page`] is a trait only so
//! that loom can put its own atomics below the protocol.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

use crate::PAGE_SIZE;

/// Words of one page, by byte offset. An offset is rounded down to its word and taken modulo the page size, so that no
/// offset leads outside the page. Bytes of an area are always accessed in words of the same size by both ends.
pub trait Page {
    /// Load a word.
    fn load32(&self, offset: usize, order: Ordering) -> u32;
    /// Store a word.
    fn store32(&self, offset: usize, value: u32, order: Ordering);
    /// Load a double word, relaxed.
    fn load64(&self, offset: usize) -> u64;
    /// Store a double word, relaxed.
    fn store64(&self, offset: usize, value: u64);
    /// Load a byte, relaxed.
    fn load8(&self, offset: usize) -> u8;
    /// Store a byte, relaxed.
    fn store8(&self, offset: usize, value: u8);
    /// A sequentially consistent fence.
    fn fence();
}

/// A page of memory that is shared with another protection domain.
#[derive(Debug)]
pub struct SharedPage {
    base: NonNull<u8>,
}

// SAFETY: every access is atomic, and `new` requires the memory to be valid for as long as the value exists,
// in whatever thread that is.
unsafe impl Send for SharedPage {}

impl SharedPage {
    /// The page at `base`.
    ///
    /// # Safety
    /// `base` is aligned to 8 and points to [`PAGE_SIZE`] bytes that stay mapped for as long as the value exists: readable,
    /// and writable if a `store` is called. Nobody in this program accesses these bytes otherwise than by atomic words
    /// of the sizes that [`Link`](crate::Link) uses.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        Self { base }
    }

    fn word32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the masked offset is a multiple of 4 and at most PAGE_SIZE - 4, so with `new`'s contract the word is
        // aligned, mapped, and accessed by atomics only; the borrow of `self` ends before the mapping does.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(offset & (PAGE_SIZE - 4)).cast()) }
    }

    fn word64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: as `word32`, with a multiple of 8 of at most PAGE_SIZE - 8.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset & (PAGE_SIZE - 8)).cast()) }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: as `word32`; a byte has no alignment.
        unsafe { AtomicU8::from_ptr(self.base.as_ptr().add(offset & (PAGE_SIZE - 1))) }
    }
}

impl Page for SharedPage {
    #[inline]
    fn load32(&self, offset: usize, order: Ordering) -> u32 {
        self.word32(offset).load(order)
    }
    #[inline]
    fn store32(&self, offset: usize, value: u32, order: Ordering) {
        self.word32(offset).store(value, order);
    }
    #[inline]
    fn load64(&self, offset: usize) -> u64 {
        self.word64(offset).load(Ordering::Relaxed)
    }
    #[inline]
    fn store64(&self, offset: usize, value: u64) {
        self.word64(offset).store(value, Ordering::Relaxed);
    }
    #[inline]
    fn load8(&self, offset: usize) -> u8 {
        self.byte(offset).load(Ordering::Relaxed)
    }
    #[inline]
    fn store8(&self, offset: usize, value: u8) {
        self.byte(offset).store(value, Ordering::Relaxed);
    }
    #[inline]
    fn fence() {
        fence(Ordering::SeqCst);
    }
}

/// A page as both ends of a host test see it: words on the heap that live as long as the last end.
#[cfg(feature = "host")]
mod host {
    extern crate std;
    use super::*;
    use std::boxed::Box;
    use std::sync::Arc;

    /// Memory of a link for host tests: clones share it.
    #[derive(Clone, Debug)]
    pub struct HostPage {
        words: Arc<[AtomicU64; PAGE_SIZE / 8]>,
    }

    impl HostPage {
        /// A zeroed page.
        pub fn zeroed() -> Self {
            let words: Box<[AtomicU64; PAGE_SIZE / 8]> =
                Box::new([const { AtomicU64::new(0) }; PAGE_SIZE / 8]);
            Self { words: words.into() }
        }
        fn word(&self, offset: usize) -> &AtomicU64 {
            &self.words[(offset % PAGE_SIZE) / 8]
        }
        fn narrow(&self, offset: usize, bits: u32) -> (u32, u64) {
            let shift = ((offset * 8) as u32 % 64) & !(bits - 1);
            (shift, ((1u64 << bits) - 1) << shift)
        }
        fn insert(&self, offset: usize, bits: u32, value: u64) {
            let (shift, mask) = self.narrow(offset, bits);
            let change = |word| Some((word & !mask) | (value << shift));
            let _ = self
                .word(offset)
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, change);
        }
        fn extract(&self, offset: usize, bits: u32) -> u64 {
            let (shift, mask) = self.narrow(offset, bits);
            (self.word(offset).load(Ordering::SeqCst) & mask) >> shift
        }
    }

    impl Page for HostPage {
        fn load32(&self, offset: usize, _: Ordering) -> u32 {
            self.extract(offset, 32) as u32
        }
        fn store32(&self, offset: usize, value: u32, _: Ordering) {
            self.insert(offset, 32, value.into());
        }
        fn load64(&self, offset: usize) -> u64 {
            self.word(offset).load(Ordering::SeqCst)
        }
        fn store64(&self, offset: usize, value: u64) {
            self.word(offset).store(value, Ordering::SeqCst);
        }
        fn load8(&self, offset: usize) -> u8 {
            self.extract(offset, 8) as u8
        }
        fn store8(&self, offset: usize, value: u8) {
            self.insert(offset, 8, value.into());
        }
        fn fence() {
            fence(Ordering::SeqCst);
        }
    }
}
#[cfg(feature = "host")]
pub use host::HostPage;
