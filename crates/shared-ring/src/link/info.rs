//! What an end states in its info area, beside its entries.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Link;
use crate::page::Page;
use crate::{INFO, INFO_LEN};

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Link<Tx, Rx, P> {
    /// State something in our info area. The first word of `value` is written last, with release: it should be the word
    /// that says the rest is valid.
    pub fn write_info<T: IntoBytes + Immutable>(&mut self, value: &T) {
        const { assert!(size_of::<T>() <= INFO_LEN && size_of::<T>().is_multiple_of(4)) }
        let bytes = value.as_bytes();
        let mut first = 0;
        for (index, word) in bytes.chunks_exact(4).enumerate() {
            let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            if index == 0 {
                first = word;
            } else {
                self.own.store32(INFO + 4 * index, word, Relaxed);
            }
        }
        self.own.store32(INFO, first, Release);
    }

    /// Change one word of our info area (a heartbeat), `offset` bytes from its start.
    pub fn write_info_word(&mut self, offset: usize, value: u32) {
        self.own.store32(INFO + offset % INFO_LEN, value, Release);
    }

    /// Copy what the peer states in its info area: the first word first, with acquire, each word once. Words that change
    /// meanwhile may come from different times; the caller validates the copy.
    pub fn read_info<T: FromBytes>(&self) -> Option<T> {
        copy_info(&self.peer)
    }

    /// Copy what this end states in its own info area: what a predecessor left there.
    pub fn read_own_info<T: FromBytes>(&self) -> Option<T> {
        copy_info(&self.own)
    }

    /// One word of the peer's info area, `offset` bytes from its start.
    pub fn read_info_word(&self, offset: usize) -> u32 {
        self.peer.load32(INFO + offset % INFO_LEN, Acquire)
    }
}

fn copy_info<T: FromBytes>(page: &impl Page) -> Option<T> {
    const { assert!(size_of::<T>() <= INFO_LEN && size_of::<T>().is_multiple_of(4)) }
    let mut words = [0u32; INFO_LEN / 4];
    let count = size_of::<T>() / 4;
    for (index, word) in words.iter_mut().take(count).enumerate() {
        *word = page.load32(INFO + 4 * index, Acquire);
    }
    T::read_from_prefix(words.as_bytes()).ok().map(|(value, _)| value)
}
