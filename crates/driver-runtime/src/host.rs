//! What the programs have in common that report, on the host, the record of a release.

extern crate std;

use std::{print, println};

use crate::ProbeError;
use crate::block::BlockCapabilities;
use crate::net::NetCapabilities;

/// A capability record that is told in numbers.
pub(crate) trait Record {
    /// Its fields, in their order.
    fn numbers(&self) -> impl Iterator<Item = u64>;
}

impl Record for BlockCapabilities {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let small = [self.block_size, self.flags, self.max_transfer, self.queue_depth];
        core::iter::once(self.capacity).chain(small.map(u64::from))
    }
}

impl Record for NetCapabilities {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let depths = [self.transmit_depth, self.receive_depth];
        let words = [self.mtu.into(), self.flags, self.segment_max, self.link];
        core::iter::once(self.address().to_word())
            .chain(words.map(u64::from))
            .chain(depths.map(u64::from))
    }
}

/// The program's arguments, numbers all; 0 for what is missing.
pub(crate) fn numbers() -> impl Iterator<Item = u64> {
    let words = std::env::args().skip(1);
    words
        .map(|word| word.parse().unwrap_or(0))
        .chain(core::iter::repeat(0))
}

/// Prints `record` with the record's numbers, or `error` and the number of the [`ProbeError`].
pub(crate) fn print(record: Result<impl Record, ProbeError>) {
    match record {
        Ok(record) => {
            print!("record");
            record.numbers().for_each(|number| print!(" {number}"));
            println!();
        }
        Err(error) => println!("error {}", error as u32),
    }
}
