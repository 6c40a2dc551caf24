//! Programs that ask root for everything it does, in order and out of order: stand-ins for control, stager, bus and shadow.
//!
//! They talk through the first words of their link pages: one word that says what is wanted and changes, then words that
//! belong to it.
#![no_std]

use core::ptr::{read_volatile, write_volatile};

use system_spec::config::LinkConfig;

/// A link as words.
#[derive(Clone, Copy)]
pub struct Words<'a>(pub &'a LinkConfig);

impl Words<'_> {
    /// Reads a word of the peer's page.
    pub fn peer(&self, index: usize) -> u64 {
        // SAFETY: the description's compiler mapped a page there, readable; the index is below 512 in every caller.
        unsafe { read_volatile((self.0.peer as *const u64).add(index)) }
    }
    /// Writes a word of our page.
    pub fn set(&self, index: usize, value: u64) {
        // SAFETY: as above, writable, and nobody else writes it.
        unsafe { write_volatile((self.0.own as *mut u64).add(index), value) }
    }
}

/// Job for the stager: build on this side (0, 1), with its content or (2, 3) with empty pages.
pub const JOB: usize = 0;
/// Job number; changes with each job.
pub const JOB_NUMBER: usize = 1;
/// The stager's answer: number of the job, code, generation.
pub const ANSWER: [usize; 3] = [0, 1, 2];
/// The shadow's word: what a driver on side `i` has reported (its state), and of which generation.
pub const REPORT: [[usize; 2]; 2] = [[0, 1], [2, 3]];
