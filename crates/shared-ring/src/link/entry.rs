//! Entries in a page.

use core::sync::atomic::Ordering::Relaxed;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::page::Page;
use crate::{CAPACITY, ENTRIES, ENTRY_MAX};

#[inline]
fn entry_offset(index: u32, size: usize) -> usize {
    ENTRIES + (index % CAPACITY) as usize * size
}

/// Both ends use the same type, so both choose the same word size.
#[inline]
pub(crate) fn write_entry<T: IntoBytes + Immutable>(page: &impl Page, index: u32, entry: &T) {
    let offset = entry_offset(index, size_of::<T>());
    let bytes = entry.as_bytes();
    if size_of::<T>().is_multiple_of(8) {
        // One copy of known length, so that what was computed in registers need not go through memory.
        let mut words = [0u64; ENTRY_MAX.div_ceil(8)];
        words.as_mut_bytes()[..size_of::<T>()].copy_from_slice(bytes);
        for (at, word) in words.iter().take(size_of::<T>() / 8).enumerate() {
            page.store64(offset + 8 * at, *word);
        }
    } else if size_of::<T>().is_multiple_of(4) {
        for (at, chunk) in bytes.as_chunks::<4>().0.iter().enumerate() {
            page.store32(offset + 4 * at, u32::from_ne_bytes(*chunk), Relaxed);
        }
    } else {
        for (at, byte) in bytes.iter().enumerate() {
            page.store8(offset + at, *byte);
        }
    }
}

#[inline]
pub(crate) fn read_entry<T: FromBytes>(page: &impl Page, index: u32) -> Option<T> {
    let offset = entry_offset(index, size_of::<T>());
    let mut buffer = [0u64; ENTRY_MAX.div_ceil(8)];
    if size_of::<T>().is_multiple_of(8) {
        for (at, word) in buffer.iter_mut().take(size_of::<T>() / 8).enumerate() {
            *word = page.load64(offset + 8 * at);
        }
    } else if size_of::<T>().is_multiple_of(4) {
        for (at, chunk) in buffer
            .as_mut_bytes()
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .enumerate()
        {
            if at < size_of::<T>() / 4 {
                *chunk = page.load32(offset + 4 * at, Relaxed).to_ne_bytes();
            }
        }
    } else {
        for (at, byte) in buffer.as_mut_bytes().iter_mut().take(size_of::<T>()).enumerate() {
            *byte = page.load8(offset + at);
        }
    }
    // The buffer is long enough by the assertion in `Link::over`, so this is always `Some`.
    T::read_from_prefix(buffer.as_bytes())
        .ok()
        .map(|(value, _)| value)
}

/// Zeroes all that there is room for, of `size` bytes each.
pub(super) fn zero_entries(page: &impl Page, size: usize) {
    (0..CAPACITY).for_each(|index| zero_entry(page, entry_offset(index, size), size));
}

fn zero_entry(page: &impl Page, offset: usize, size: usize) {
    if size.is_multiple_of(8) {
        (0..size / 8).for_each(|at| page.store64(offset + 8 * at, 0));
    } else if size.is_multiple_of(4) {
        (0..size / 4).for_each(|at| page.store32(offset + 4 * at, 0, Relaxed));
    } else {
        (0..size).for_each(|at| page.store8(offset + at, 0));
    }
}
