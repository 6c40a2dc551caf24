//! The conformance suite of the kernel contract, as a root task.
//!
//! It drives every system call and invocation of the seL4 16.0.0 MCS AArch64 interface by raw messages and states
//! what comes back: results, error codes with their message words, fault messages, registers, order of scheduling,
//! consumed time. What is stated was written from the manual and libsel4's interface files and then measured on the
//! official kernel in its debug, release and benchmark configurations; where the two disagree, the measurement
//! counts and a comment says so.
//!
//! Every test runs in a thread of its own, on memory of its own that is revoked afterwards, under a supervisor that
//! survives its faults and a watchdog that ends its hangs. The console says `ok <name>` or
//! `FAIL <name>: expected … got …` for each, and `TEST_PASS <n>` or `TEST_FAIL <failed>/<n>` at the end; it is the
//! same on every kernel that conforms. `CONFORMANCE_ONLY=<part of a name>` at build time restricts the suite.

#![no_std]
#![no_main]
// A failure carries its text: there is no heap, and no test is in a hurry when it fails.
#![expect(clippy::result_large_err)]

mod api;
mod arena;
mod code;
mod console;
mod expect;
mod log;
mod methods;
mod parts;
mod supervisor;
mod sys;
mod worker;

use sel4_root_task::root_task;

#[root_task(stack_size = 128 * 1024)]
fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
    let mut arena = arena::Arena::new(bootinfo);
    console::init(&mut arena);
    supervisor::run(&mut arena);
    sel4::init_thread::suspend_self()
}
