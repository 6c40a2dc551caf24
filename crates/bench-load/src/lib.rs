//! What the loads of `cargo umbra bench` have in common: the figures that the host reads, and a client in the place of a shadow
//! (`direct`, with feature `pd`).
#![no_std]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[cfg(feature = "pd")]
pub mod direct;

/// Requests between two times in the figures.
pub const WINDOW: u64 = 1024;
/// Words of the figures that are not times.
pub const HEADER: usize = 4;
/// Word 0: `UMBRABEN`, written when the load begins.
pub const MAGIC: u64 = u64::from_le_bytes(*b"UMBRABEN");

/// Words that the host reads: magic, requests answered, requests failed, times taken; then a ring of times, each the
/// counter when another [`WINDOW`] requests had been answered.
#[derive(Debug)]
pub struct Figures<'a> {
    words: &'a [AtomicU64],
    requests: u64,
}

impl<'a> Figures<'a> {
    /// The load begins.
    pub fn begin(words: &'a [AtomicU64]) -> Self {
        let figures = Self { words, requests: 0 };
        figures.set(0, MAGIC);
        figures
    }

    fn set(&self, word: usize, value: u64) {
        if let Some(word) = self.words.get(word) {
            word.store(value, Relaxed);
        }
    }

    /// A request was answered. `now` is asked for the time once in a while.
    #[inline]
    pub fn completed(&mut self, ok: bool, now: impl FnOnce() -> u64) {
        self.requests += 1;
        self.set(1, self.requests);
        if !ok {
            let failed = self.words.get(2).map_or(0, |word| word.load(Relaxed));
            self.set(2, failed + 1);
        }
        if self.requests.is_multiple_of(WINDOW) {
            let times = self.requests / WINDOW;
            let ring = self.words.len().saturating_sub(HEADER) as u64;
            if let Some(place) = (times - 1).checked_rem(ring) {
                self.set(HEADER + place as usize, now());
            }
            self.set(3, times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_ring() {
        let words = [const { AtomicU64::new(0) }; HEADER + 2];
        let mut figures = Figures::begin(&words);
        for number in 0..3 * WINDOW {
            figures.completed(number != 5, || number);
        }
        let words = words.each_ref().map(|word| word.load(Relaxed));
        assert_eq!(words, [MAGIC, 3 * WINDOW, 1, 3, 3 * WINDOW - 1, 2 * WINDOW - 1]);
    }
}
