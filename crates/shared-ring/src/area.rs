//! A stretch of shared memory that holds bulk data: copied out and in, never borrowed.

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
#[cfg(not(all(target_arch = "aarch64", target_os = "none")))]
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

#[cfg(all(target_arch = "aarch64", target_os = "none"))]
use crate::copy::{copy, pair};

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

// SAFETY: every access is atomic or the copy's, and `new` requires memory that is valid in every thread.
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

    /// Copy out. False, and nothing was copied: the range is not inside.
    #[inline]
    #[must_use]
    pub fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        let inside = self.range_ok(offset, target.len());
        if inside {
            self.load(offset, target);
        }
        inside
    }

    /// Copy the first sixteen of `len` bytes out, as two words with the first byte lowest. `None`: the bytes, or sixteen, are not
    /// all inside.
    #[inline]
    pub fn pair(&self, offset: usize, len: usize) -> Option<[u64; 2]> {
        let inside = self.range_ok(offset, len.max(16));
        inside.then(|| self.load_pair(offset))
    }

    /// Copy in. False, and nothing was copied: the range is not inside.
    #[inline]
    #[must_use]
    pub fn write(&self, offset: usize, source: &[u8]) -> bool {
        let inside = self.range_ok(offset, source.len());
        if inside {
            self.store(offset, source);
        }
        inside
    }

    /// Copy from another area, which may be the same if the ranges do not overlap. False, and nothing was copied: a range is not
    /// inside.
    #[inline]
    #[must_use]
    pub fn copy_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) -> bool {
        let inside = self.range_ok(offset, len) && source.range_ok(source_offset, len);
        if inside {
            self.load_from(offset, source, source_offset, len);
        }
        inside
    }
}

/// On the target.
#[cfg(all(target_arch = "aarch64", target_os = "none"))]
impl Area {
    #[inline]
    fn load(&self, offset: usize, target: &mut [u8]) {
        // SAFETY: the callers have checked the range (`range_ok`), so with `new`'s contract it is mapped; `target` is ours alone.
        unsafe { copy(target.as_mut_ptr(), self.base.as_ptr().add(offset), target.len()) }
    }

    #[inline]
    fn load_pair(&self, offset: usize) -> [u64; 2] {
        // SAFETY: as `load`.
        unsafe { pair(self.base.as_ptr().add(offset)) }
    }

    #[inline]
    fn store(&self, offset: usize, source: &[u8]) {
        // SAFETY: as `load`, the other way round.
        unsafe { copy(self.base.as_ptr().add(offset), source.as_ptr(), source.len()) }
    }

    #[inline]
    fn load_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) {
        // SAFETY: as `load`, for both.
        unsafe {
            copy(
                self.base.as_ptr().add(offset),
                source.base.as_ptr().add(source_offset),
                len,
            );
        }
    }
}

/// Elsewhere, where others' accesses are atomic as well: by words, as far as both places are aligned alike.
#[cfg(not(all(target_arch = "aarch64", target_os = "none")))]
impl Area {
    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the callers pass multiples of 8 with `offset + 8 <= self.len` (`range_ok`), so with `new`'s contract the
        // word is aligned and mapped, and only accessed by atomics.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: the callers pass `offset < self.len` (`range_ok`); otherwise as `word`.
        unsafe { AtomicU8::from_ptr(self.base.as_ptr().add(offset)) }
    }

    fn load(&self, offset: usize, target: &mut [u8]) {
        if offset.is_multiple_of(8) && target.len().is_multiple_of(8) {
            for (at, chunk) in target.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *chunk = self.word(offset + 8 * at).load(Relaxed).to_ne_bytes();
            }
        } else {
            for (at, byte) in target.iter_mut().enumerate() {
                *byte = self.byte(offset + at).load(Relaxed);
            }
        }
    }

    fn load_pair(&self, offset: usize) -> [u64; 2] {
        let mut bytes = [[0; 8]; 2];
        self.load(offset, bytes.as_flattened_mut());
        bytes.map(u64::from_le_bytes)
    }

    fn store(&self, offset: usize, source: &[u8]) {
        if offset.is_multiple_of(8) && source.len().is_multiple_of(8) {
            for (at, chunk) in source.as_chunks::<8>().0.iter().enumerate() {
                let word = u64::from_ne_bytes(*chunk);
                self.word(offset + 8 * at).store(word, Relaxed);
            }
        } else {
            for (at, byte) in source.iter().enumerate() {
                self.byte(offset + at).store(*byte, Relaxed);
            }
        }
    }

    fn load_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) {
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
    }
}

/// Memory for areas of tests on the host, which stays for ever: whoever has it has as many views of it as he likes.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug)]
pub struct HostMemory(&'static [AtomicU64]);

#[cfg(feature = "host")]
impl HostMemory {
    /// `words` words of zeroes.
    pub fn leaked(words: usize) -> Self {
        extern crate std;
        let words: std::vec::Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self(words.leak())
    }

    /// A view of all of it.
    pub fn area(self) -> Area {
        let base = NonNull::from(self.0).cast();
        // SAFETY: words, so aligned to 8; leaked; whoever reaches them does so by atomics.
        unsafe { Area::new(base, size_of_val(self.0)) }
    }
}
