//! Reading ahead over a partition in memory.

use fat_partition::ram::Ram;
use fat_partition::{Ahead, SECTOR, Sectors};
use proptest::prelude::*;

/// Sectors that are read at once, and how many such pieces are kept.
const PIECE: u64 = 8;
const PIECES: u64 = 4;

#[test]
fn neighbours_cost_one_request_and_stay() {
    let ram = Ram::zeroed();
    ram.bytes.borrow_mut()[..4 * 8 * SECTOR].fill(7);
    let mut ahead = Ahead::new(ram.clone());
    let mut sector = [0; SECTOR];
    for number in 0..PIECE {
        ahead.read(number, &mut sector).unwrap();
        assert_eq!(sector, [7; SECTOR]);
    }
    assert_eq!(ram.requests(), 1);
    for _ in 0..3 {
        for number in 0..PIECES {
            ahead.read(number * PIECE, &mut sector).unwrap();
        }
    }
    assert_eq!(ram.requests(), PIECES);
}

#[test]
fn sector_with_bad_neighbours_is_read_alone() {
    let ram = Ram::zeroed();
    let mut ahead = Ahead::new(ram.clone());
    ram.fail(0..1);
    assert_eq!(ahead.read(3, &mut [0; SECTOR]), Ok(()));
    ram.fail(0..2);
    assert_eq!(ahead.read(3, &mut [0; SECTOR]), Err(1));
}

proptest! {
    /// Against the partition itself, with requests that fail.
    #[test]
    fn what_is_read_is_what_is_there(
        steps in prop::collection::vec((any::<bool>(), 0..80u64, 1..4usize, any::<u8>(), prop::bool::weighted(0.1)), 1..100),
    ) {
        let ram = Ram::zeroed();
        let mut ahead = Ahead::new(ram.clone());
        for (write, first, count, byte, fails) in steps {
            ram.fail(if fails { 0..1 } else { 0..0 });
            let mut data: Vec<u8> = vec![byte; count * SECTOR];
            if write {
                let _ = ahead.write(first, &data);
            } else if ahead.read(first, &mut data).is_ok() {
                let there = &ram.bytes.borrow()[first as usize * SECTOR..][..data.len()];
                prop_assert!(data == there);
            }
        }
    }
}
