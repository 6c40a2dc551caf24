//! The protection domain of the guard clock.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use sel4_microkit::{Channel, NullHandler, protection_domain, var};

#[protection_domain]
fn init() -> NullHandler {
    let timer = Channel::new(*var!(timer_channel: usize = 0));
    loop {
        timer.notify();
        sel4::r#yield();
    }
}
