//! A client that loads a partition with random reads and writes of blocks that describe themselves, and knows of each
//! read what it may return. It knows nothing of drivers, shadows and updates.
//!
//! The core: what to ask next ([`Checker::next_request`]), and what to make of an answer ([`Checker::completed`]). Layouts and the
//! rule are in `docs/formats/disk-check.md`.
#![no_std]
#![forbid(unsafe_code)]

mod block;
mod checker;
mod ledger;
mod random;

pub use block::{BLOCK_SIZE, Content, Header, WORDS};
pub use checker::{Checker, DEPTH, Outcome, Reason, Request};
