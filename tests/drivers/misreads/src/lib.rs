//! A driver that shows another partition table than there is: what stands behind it on the disk.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::block::{Op, Request};
use twist::{Twist, Twisted};

/// Blocks of the table, which no partition has.
const TABLE: u64 = 34;

/// What is wrong.
#[derive(Default)]
pub struct Misreads;

impl Twist for Misreads {
    fn request(&mut self, request: Request) -> Request {
        let wrong = request.op == Op::Read && request.block < TABLE;
        Request {
            block: request.block + if wrong { TABLE } else { 0 },
            ..request
        }
    }
}

/// The driver.
pub type Driver = Twisted<Misreads>;
