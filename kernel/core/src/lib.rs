//! The kernel's logic: capabilities, objects, communication, scheduling, address spaces and the invocations on
//! them, over an abstract machine. No hardware and no `unsafe` in here; `kernel/` puts it on the processor.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod benchmark;
pub mod boot;
#[cfg(test)]
mod booted;
#[cfg(feature = "debug-build")]
mod breakpoint;
pub mod cap;
mod debug;
mod destroy;
#[cfg(test)]
mod fake;
pub mod fastpath;
mod fpu;
#[cfg(test)]
mod hostile;
pub mod invoke;
pub mod ipc;
mod irq;
pub mod kernel;
pub mod machine;
#[cfg(test)]
mod model;
pub mod object;
pub mod preempt;
pub mod registers;
pub mod sched;
pub mod syscall;
pub mod vspace;
