//! The compiled system description: what root needs to build the static system ([`spec`], made by `sdf`), and what the
//! PDs with a role in updates find in their patched symbol `umbra_config` ([`config`]).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;

pub mod config;
pub mod spec;
