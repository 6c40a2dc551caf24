//! The seL4 kernel ABI that Umbra is written to: numbers and bit layouts, nothing that runs.
//!
//! The contract is seL4 16.0.0, AArch64, EL1, MCS, one core, configured as Microkit 2.3 configures its board
//! `qemu_virt_aarch64_el1`. Kernel and userland meet only here: `kernel/` reads and writes these layouts from
//! one side, `crates/sel4` from the other, so a disagreement is a compile error and not a debugging session.
//!
//! There are three kernel configurations, chosen by feature: `debug-build`, `benchmark-build`, and release when
//! neither is set. Userland is built for one of them; [`config`] says which.
//!
//! Source of every value: the generated libsel4 headers of that version and configuration, and its interface
//! description files. Names are libsel4's without the `seL4_` prefix, in Rust's case.

#![no_std]
#![forbid(unsafe_code)]

mod numbered;

pub mod bootinfo;
pub mod cap_data;
pub mod config;
pub mod error;
pub mod fault;
pub mod invocation;
pub mod ipc_buffer;
pub mod message;
pub mod microkit;
pub mod object;
pub mod platform;
pub mod rights;
pub mod syscall;
pub mod thread;
pub mod user_context;
pub mod vm;

/// A machine word: message registers, badges, capability pointers.
pub type Word = u64;

/// A capability pointer: an address in a CSpace.
pub type CPtr = Word;

/// Bits in a [`Word`].
pub const WORD_BITS: usize = 64;
/// log2 of the bytes in a [`Word`].
pub const WORD_SIZE_BITS: usize = 3;

const _: () = assert!(Word::BITS as usize == WORD_BITS && 1 << WORD_SIZE_BITS == size_of::<Word>());
