//! What the programs have in common that report, on the host, the record of a release.

extern crate std;

use std::println;

use crate::ProbeError;
use crate::block::BlockCapabilities;

/// The program's arguments, numbers all; 0 for what is missing.
pub(crate) fn numbers() -> impl Iterator<Item = u64> {
    let words = std::env::args().skip(1);
    words
        .map(|word| word.parse().unwrap_or(0))
        .chain(core::iter::repeat(0))
}

/// Prints `record` with the record's numbers, or `error` and the number of the [`ProbeError`].
pub(crate) fn print(record: Result<BlockCapabilities, ProbeError>) {
    match record {
        Ok(record) => println!(
            "record {} {} {} {} {}",
            record.capacity, record.block_size, record.flags, record.max_transfer, record.queue_depth
        ),
        Err(error) => println!("error {}", error as u32),
    }
}
