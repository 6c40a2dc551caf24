//! A stretch of shared memory that holds bulk data: copied out and in, never borrowed.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Shared memory for the rest of the program, as words that are accessed in place.
///
/// # Safety
/// `base` is aligned to 8; `len` bytes from it stay mapped, readable, and writable if a word is stored to, until the program
/// ends; this program accesses them through these words only.
pub unsafe fn shared_words(base: NonNull<u8>, len: usize) -> &'static [AtomicU64] {
    // SAFETY: aligned and mapped for ever by the caller's contract; `AtomicU64` has the size and alignment of a word, takes
    // any bytes, and others' changes to memory behind an atomic are allowed.
    unsafe { core::slice::from_raw_parts(base.as_ptr().cast(), len / size_of::<AtomicU64>()) }
}

/// Shared memory whose content others (a driver, a device, a client) may change at any time.
#[derive(Debug)]
pub struct Area {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: every access is atomic, and `new` requires memory that is valid in every thread.
unsafe impl Send for Area {}

impl Area {
    /// `len` bytes at `base`.
    ///
    /// # Safety
    /// `base` is aligned to 8; `len` bytes from it stay mapped for as long as the value exists, readable, and writable
    /// if [`write`](Self::write) is called; this program accesses them through `Area` only.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn range_ok(&self, offset: usize, len: usize) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.len)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the callers pass multiples of 8 with `offset + 8 <= self.len` (`range_ok`), so with `new`'s contract the
        // word is aligned and mapped, and only accessed by atomics.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: the callers pass `offset < self.len` (`range_ok`); otherwise as `word`.
        unsafe { AtomicU8::from_ptr(self.base.as_ptr().add(offset)) }
    }

    /// Copy out. False, and nothing was copied: the range is not inside.
    #[must_use]
    pub fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        if !self.range_ok(offset, target.len()) {
            return false;
        }
        if offset.is_multiple_of(8) && target.len().is_multiple_of(8) {
            for (at, chunk) in target.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *chunk = self.word(offset + 8 * at).load(Relaxed).to_ne_bytes();
            }
        } else {
            for (at, byte) in target.iter_mut().enumerate() {
                *byte = self.byte(offset + at).load(Relaxed);
            }
        }
        true
    }

    /// Copy from another area. Where both places and the length are multiples of 8 it goes by words, and the bytes that are
    /// left over singly. False, and nothing was copied: a range is not inside.
    #[must_use]
    pub fn copy_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) -> bool {
        if !self.range_ok(offset, len) || !source.range_ok(source_offset, len) {
            return false;
        }
        let aligned = offset.is_multiple_of(8) && source_offset.is_multiple_of(8);
        let by_words = if aligned { len & !7 } else { 0 };
        for at in (0..by_words).step_by(8) {
            let word = source.word(source_offset + at).load(Relaxed);
            self.word(offset + at).store(word, Relaxed);
        }
        for at in by_words..len {
            let byte = source.byte(source_offset + at).load(Relaxed);
            self.byte(offset + at).store(byte, Relaxed);
        }
        true
    }

    /// Copy in. False, and nothing was copied: the range is not inside.
    #[must_use]
    pub fn write(&self, offset: usize, source: &[u8]) -> bool {
        if !self.range_ok(offset, source.len()) {
            return false;
        }
        if offset.is_multiple_of(8) && source.len().is_multiple_of(8) {
            for (at, chunk) in source.as_chunks::<8>().0.iter().enumerate() {
                self.word(offset + 8 * at)
                    .store(u64::from_ne_bytes(*chunk), Relaxed);
            }
        } else {
            for (at, byte) in source.iter().enumerate() {
                self.byte(offset + at).store(*byte, Relaxed);
            }
        }
        true
    }
}
