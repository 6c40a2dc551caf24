//! The root task's pure core: everything root decides, without a system call.
//!
//! Root builds the static system, then builds, starts, cuts and reaps driver generations for the control PD. It knows
//! neither policy nor classes. The shell around this core is `main.rs`: it does what is decided here.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod chunks;
pub mod events;
pub mod generation;
pub mod request;
pub mod restart;
pub mod sender;
pub mod untyped;
pub mod urgency;
pub mod window;
