//! A client that works with files: reads, compares and rewrites what the host put on a FAT volume. It knows nothing of
//! drivers, shadows and updates.
//!
//! The core: the volume over anything that moves sectors ([`fat_partition::Sectors`]), and the work on it, a file at a time
//! ([`Checker::step`]). Layouts and rules are in `docs/formats/file-check.md`.
#![no_std]
#![forbid(unsafe_code)]

mod checker;
mod content;
mod disk;
mod manifest;
mod table;

pub use checker::{Checker, Reason};
pub use manifest::{FILES_MAX, ManifestError};
