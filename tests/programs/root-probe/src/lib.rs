//! Programs that ask root for everything it does, in order and out of order: stand-ins for control, stager, bus and shadow.
//!
//! They talk through the first words of their link pages: one word that says what is wanted and changes, then words that
//! belong to it.
#![no_std]
#![forbid(unsafe_code)]

/// Job for the stager: build on this side (0, 1), with its content or (2, 3) with empty pages.
pub const JOB: usize = 0;
/// Job number; changes with each job.
pub const JOB_NUMBER: usize = 1;
/// The stager's answer: number of the job, code, generation.
pub const ANSWER: [usize; 3] = [0, 1, 2];
/// The stager's worst times of a step and of a step of finishing, in ticks.
pub const WORST: [usize; 2] = [3, 4];
/// The shadow's word: what a driver on side `i` has reported (its state), and of which generation.
pub const REPORT: [[usize; 2]; 2] = [[0, 1], [2, 3]];
