//! Typed events with time stamps, in a region with one writer.
//!
//! Shadow, control and root each own a region and write [`Event`]s into it; the newest overwrite the oldest. Readers
//! (control, for `ctl trace`; the host, for the figures) map it read-only and follow with a [`Cursor`]. A reader trusts
//! nothing in the region: it counts what it lost and never reads outside.
//!
//! A shadow's region also has a few [`Counters`] of each of its device slots.
//!
//! Layout: at offset 0 the number of events ever written (`u64`), from offset 64 the counters of [`SLOTS`] slots, 64 bytes
//! each, from [`EVENTS`] the events, 32 bytes each, as many as fit; event `n` is at index `n mod capacity`.
#![no_std]

pub mod clock;
mod counters;
mod event;
mod region;

pub use counters::{Counters, SLOTS, Standing, Tally};
pub use event::{Event, Kind, Line, TEXT};
pub use region::{Cursor, EVENTS, Reader, Writer, capacity};
