//! Arm's SMMUv3, driven so that a device reaches what it may reach and nothing else.
//!
//! Pure: whoever has the registers and the memory lends them as [`Registers`] and [`Memory`]. Of the architecture (Arm IHI 0070) the
//! smallest part that does it: a stream table of one level for the functions of two PCI buses, stage 1, pages of 4 KiB, identity.
//! Every wait is bounded; a machine that lacks something is refused before anything is let through.
//!
//! | module | |
//! |---|---|
//! | [`smmu`] | start, streams, commands, events |
//! | [`space`] | what one device reaches |
//! | [`tables`] | tables of translations |
//! | [`entry`] | entries of the stream table, context descriptors |
//! | [`queue`], [`event`] | commands and events |
//! | [`registers`], [`memory`] | where everything is |
#![no_std]
#![forbid(unsafe_code)]

pub mod entry;
pub mod event;
pub mod memory;
pub mod queue;
pub mod registers;
pub mod smmu;
pub mod space;
pub mod tables;

#[cfg(any(test, feature = "fake"))]
pub mod fake;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use memory::Memory;
pub use registers::Registers;
pub use smmu::{CommandError, Smmu, Start, StartError};
pub use space::Space;
pub use tables::{Access, MapError};
