//! A driver that says of some frames that they are longer than their buffers.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::{Completion, Ended};
use net_twist::{Twist, Twisted};

/// One frame of so many.
pub const EVERY: u32 = 50;

/// What is wrong.
#[derive(Default)]
pub struct CorruptsLengths {
    frames: u32,
}

impl Twist for CorruptsLengths {
    fn complete(&mut self, ended: Ended, completion: Completion) -> Completion {
        if ended == Ended::Frame {
            return completion;
        }
        self.frames += 1;
        Completion {
            length: if self.frames.is_multiple_of(EVERY) {
                u32::MAX - u32::from(completion.start)
            } else {
                completion.length
            },
            ..completion
        }
    }
}

/// The driver.
pub type Driver = Twisted<CorruptsLengths>;
