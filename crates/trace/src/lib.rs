//! Typed events with time stamps, in a region with one writer.
//!
//! Shadow, control and root each own a region and write [`Event`]s into it; the newest overwrite the oldest. Readers
//! (control, for `ctl trace`; the host, for the figures) map it read-only and follow with a [`Cursor`]. A reader trusts
//! nothing in the region: it counts what it lost and never reads outside.
//!
//! Layout: at offset 0 the number of events ever written (`u64`), from offset 64 the events, 32 bytes each, as many as
//! fit; event `n` is at index `n mod capacity`.
#![no_std]

pub mod clock;
mod event;
mod region;

pub use event::{Event, Kind, Line};
pub use region::{Cursor, Reader, Writer, capacity};
