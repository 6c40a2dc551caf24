//! The kernel on the processor: boot, entry and exit, and the machine that the logic in `kernel-core` runs on.
#![no_std]
#![no_main]

mod arch;
mod entry;
mod memory_size;
