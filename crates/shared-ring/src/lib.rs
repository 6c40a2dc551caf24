//! Links: a pair of pages, each with one writer, that carry fixed-size entries both ways between two PDs.
//!
//! A page holds what its writer writes of *both* rings: the tail and the entries of what it sends, the head of what
//! it has received, and whether it sleeps (`docs/design/001-contracts.md`). The peer's page is read-only here, by the
//! MMU and not by good manners. What it contains is hostile input: every word is read at most once for a decision,
//! indices are checked against private copies, and a breach is a typed [`Violation`], never a panic.
//!
//! The life of an end, per wake-up:
//!
//! ```text
//! awake();  while let Some(entry) = recv()? { … send(&answer)? … }
//! if publish() { notify the peer }
//! if sleep()? { wait for a notification } else { something came meanwhile: start again }
//! ```
#![no_std]

mod area;
mod batch;
#[cfg(all(target_arch = "aarch64", target_os = "none"))]
mod copy;
mod link;
pub mod mapped;
pub mod page;
pub mod requests;

#[cfg(feature = "host")]
pub use area::HostMemory;
pub use area::{Area, shared_words};
pub use batch::{Inbox, Outbox};
pub use link::{Boxes, Link, SendError, Violation, Wish};

/// Entries of one direction of a link.
pub const CAPACITY: u32 = 64;
/// Bytes of a page.
pub const PAGE_SIZE: usize = 4096;
/// Offset of `tail: u32`: entries the page's writer has produced, mod 2^32.
pub const TAIL: usize = 0;
/// Offset of `head: u32`: entries of the peer's that the page's writer has consumed, mod 2^32.
pub const HEAD: usize = 64;
/// Offset of `asleep: u32`: 0 while the page's writer is awake, else what it wants to be notified of.
pub const ASLEEP: usize = 68;
/// Value of `asleep`: wants to be notified of new entries.
pub const ASLEEP_FOR_ENTRIES: u32 = 1;
/// Value of `asleep`: wants to be notified of new entries and of consumed ones.
pub const ASLEEP_FOR_ALL: u32 = 2;
/// Offset of the entries.
pub const ENTRIES: usize = 128;
/// Offset of the info area.
pub const INFO: usize = 3072;
/// Bytes of the info area.
pub const INFO_LEN: usize = PAGE_SIZE - INFO;
/// Longest entry in bytes.
pub const ENTRY_MAX: usize = (INFO - ENTRIES) / CAPACITY as usize;

const _: () = assert!(ENTRY_MAX == 46);
