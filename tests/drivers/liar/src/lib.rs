//! A driver that answers some requests twice.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::Completion;
use twist::{Twist, Twisted};

/// Each completion of this number is given twice.
pub const EVERY: u32 = 100;

/// What is wrong.
#[derive(Default)]
pub struct Liar {
    completions: u32,
}

impl Twist for Liar {
    fn complete(&mut self, completion: Completion, done: &mut impl FnMut(Completion)) {
        self.completions += 1;
        done(completion);
        if self.completions.is_multiple_of(EVERY) {
            done(completion);
        }
    }
}

/// The driver.
pub type Driver = Twisted<Liar>;
