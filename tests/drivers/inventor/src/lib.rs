//! A driver that answers requests that were never sent.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::Completion;
use twist::{Twist, Twisted};

/// Each completion of this number gets another id.
pub const EVERY: u32 = 100;

/// What is wrong.
#[derive(Default)]
pub struct Inventor {
    completions: u32,
}

impl Twist for Inventor {
    fn complete(&mut self, mut completion: Completion, done: &mut impl FnMut(Completion)) {
        self.completions += 1;
        if self.completions.is_multiple_of(EVERY) {
            completion.id ^= 0x8000_0000;
        }
        done(completion);
    }
}

/// The driver.
pub type Driver = Twisted<Inventor>;
