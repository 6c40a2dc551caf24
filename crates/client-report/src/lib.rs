//! The report region of a checking client, as its only writer sees it (`docs/formats/client-report.md`).
//!
//! The region is read by the operator while it is written, so each word is an atomic: whatever is read is a value that
//! was written. The host's reader is another program and shares nothing with this one.
#![no_std]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

/// Offset of the first entry, in bytes.
pub const ENTRIES: usize = 4096;
/// Version of the layout.
pub const VERSION: u32 = 1;

const MAGIC: u64 = u64::from_le_bytes(*b"UMBRARPT");
const WORD: usize = 8;

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// `disk-check`.
    DiskCheck = 1,
    /// `file-check`.
    FileCheck = 2,
    /// `net-check`.
    NetCheck = 3,
}

/// Where a client is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Learns what is on the disk.
    Starting = 0,
    /// Loads the disk.
    Running = 1,
    /// Was told to stop, drains and flushes.
    Stopping = 2,
    /// Drained and flushed: nothing will be written any more.
    Stopped = 3,
    /// Cannot work; a reason is stated.
    Failed = 4,
}

/// The counters of the header, by word index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Seed of the content.
    Seed = 3,
    /// Entries that follow.
    Entries = 4,
    /// Requests completed.
    Requests = 5,
    /// Bytes transferred with success.
    Bytes = 6,
    /// Requests that failed.
    ClientErrors = 7,
    /// Reads with content that was never written.
    Corrupt = 8,
    /// Reads where older content came back.
    Stale = 9,
    /// Reads where acknowledged content has not arrived.
    Lost = 10,
    /// Longest time between two completions, ticks.
    LongestGap = 11,
    /// Reads.
    Reads = 12,
    /// Writes.
    Writes = 13,
    /// Flushes.
    Flushes = 14,
    /// Legal mixtures seen (`disk-check`), rounds over all files (`file-check`).
    MixedOrPasses = 15,
    /// Files rewritten.
    Rewrites = 16,
}

/// What was found wrong first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub kind: ViolationKind,
    /// Block or file.
    pub index: u64,
    /// Sequence found, or status of the error.
    pub found: u64,
    /// Least legal sequence.
    pub least: u64,
    /// Greatest legal sequence.
    pub most: u64,
}

/// Kinds of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ViolationKind {
    /// Content that was never written.
    Corrupt = 1,
    /// Older content has come back.
    Stale = 2,
    /// Acknowledged content has not arrived.
    Lost = 3,
    /// A request did not succeed.
    ClientError = 4,
}

const FIRST_VIOLATION: usize = 17;

/// The region.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Report<'a> {
    /// Start a report: zeroes the header, says who reports, and that it is starting. `None`: the region does not even
    /// hold the header.
    pub fn begin(words: &'a [AtomicU64], kind: Kind) -> Option<Self> {
        if words.len() < ENTRIES / WORD {
            return None;
        }
        for word in words.iter().take(ENTRIES / WORD) {
            word.store(0, Ordering::Relaxed);
        }
        let report = Self { words };
        report.store(1, u64::from(VERSION) | (kind as u64) << 32);
        words[0].store(MAGIC.to_le(), Ordering::Release);
        Some(report)
    }

    /// Entries of `size` bytes (a multiple of 8) that fit.
    pub fn room(&self, size: usize) -> usize {
        (self.words.len() * WORD - ENTRIES) / size
    }

    /// State where the client is.
    pub fn set_state(&self, state: State, reason: u32) {
        if let Some(word) = self.words.get(2) {
            word.store(
                (state as u64 | u64::from(reason) << 32).to_le(),
                Ordering::Release,
            );
        }
    }

    /// Set a counter.
    pub fn set(&self, counter: Counter, value: u64) {
        self.store(counter as usize, value);
    }

    /// Value of a counter.
    pub fn get(&self, counter: Counter) -> u64 {
        self.load(counter as usize)
    }

    /// Add to a counter.
    #[inline]
    pub fn add(&self, counter: Counter, more: u64) {
        self.store(counter as usize, self.load(counter as usize).wrapping_add(more));
    }

    /// Count a violation, and keep it if it is the first one.
    pub fn violation(&self, violation: Violation) {
        self.add(
            match violation.kind {
                ViolationKind::Corrupt => Counter::Corrupt,
                ViolationKind::Stale => Counter::Stale,
                ViolationKind::Lost => Counter::Lost,
                ViolationKind::ClientError => Counter::ClientErrors,
            },
            1,
        );
        if self.load(FIRST_VIOLATION) != 0 {
            return;
        }
        self.store(FIRST_VIOLATION + 1, violation.index);
        self.store(FIRST_VIOLATION + 2, violation.found);
        self.store(FIRST_VIOLATION + 3, violation.least);
        self.store(FIRST_VIOLATION + 4, violation.most);
        self.store(FIRST_VIOLATION, violation.kind as u64);
    }

    /// Write word `word` of entry `index`, for entries of `size` bytes. Outside the region nothing happens.
    #[inline]
    pub fn store_entry(&self, index: usize, size: usize, word: usize, value: u64) {
        self.store((ENTRIES + index * size) / WORD + word, value);
    }

    /// Read it back. Outside the region it is 0.
    #[inline]
    pub fn load_entry(&self, index: usize, size: usize, word: usize) -> u64 {
        self.load((ENTRIES + index * size) / WORD + word)
    }

    #[inline]
    fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.words.get(index) {
            word.store(value.to_le(), Ordering::Relaxed);
        }
    }

    #[inline]
    fn load(&self, index: usize) -> u64 {
        self.words
            .get(index)
            .map_or(0, |word| u64::from_le(word.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn region(len: usize) -> Vec<AtomicU64> {
        (0..len / WORD).map(|_| AtomicU64::new(0xffff)).collect()
    }

    #[test]
    fn region_without_room_for_the_header_is_refused() {
        assert!(Report::begin(&region(ENTRIES - 8), Kind::DiskCheck).is_none());
        let words = region(ENTRIES);
        let report = Report::begin(&words, Kind::DiskCheck).unwrap();
        assert_eq!(report.room(16), 0);
        report.store_entry(0, 16, 0, 7);
        assert_eq!(report.load_entry(0, 16, 0), 0);
    }

    #[test]
    fn first_violation_is_kept() {
        let words = region(2 * ENTRIES);
        let report = Report::begin(&words, Kind::FileCheck).unwrap();
        for index in [5, 9] {
            report.violation(Violation {
                kind: ViolationKind::Lost,
                index,
                found: 1,
                least: 2,
                most: 3,
            });
        }
        assert_eq!(report.get(Counter::Lost), 2);
        assert_eq!(report.load(FIRST_VIOLATION + 1), 5);
    }
}
