//! The loader's formats and rules: everything of it that needs no hardware.
//!
//! The loader is the first code in the machine. It finds the [`payload`] behind itself, decides by [`layout`] where
//! kernel, device tree and user image go, copies them there, builds the [`translation`] tables, and enters the kernel
//! as the seL4 boot protocol says:
//!
//! | register | content |
//! |---|---|
//! | x0, x1 | physical start and end of the user image |
//! | x2 | physical minus virtual address of the user image |
//! | x3 | virtual entry point of the user image |
//! | x4, x5 | physical address and length of the device tree (0, 0: none) |
//!
//! The MMU is on, the caches are on, interrupts are masked, the exception level is EL1. Nothing here knows which kernel or which
//! user image it starts; the host tool (`umbra::image`) writes what this crate reads.
#![no_std]
#![forbid(unsafe_code)]

pub mod board;
pub mod device_tree;
pub mod layout;
pub mod payload;
pub mod translation;

/// Begins every line that the loader prints because it cannot go on. The host tool stops waiting when it sees it.
pub const ERROR_PREFIX: &str = "loader: error: ";
