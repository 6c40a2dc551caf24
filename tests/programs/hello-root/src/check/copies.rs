//! The routines in assembly that are every program's `memcpy`, `memset` and `memcmp` (`shared_ring::copy`): between all places and of all
//! lengths for which they take another way.

use super::{Context, Outcome, ensure};
use core::hint::black_box;
use core::ptr::NonNull;
use shared_ring::Area;

/// Two rounds of the loop of 64 bytes, and every rest.
const ALL_LENGTHS: usize = 2 * 64 + 8;
/// A short and a long frame, and more.
const SOME_LENGTHS: [usize; 3] = [191, 1514, 2048];
/// Places within a word.
const PLACES: usize = 8;
/// Bytes before and behind what is copied.
const MARGIN: usize = 16;
const BYTES: usize = 2048 + PLACES + 2 * MARGIN;
const UNTOUCHED: u8 = 0xa5;

/// A byte of the source: no stretch is like another nearby, and none is [`UNTOUCHED`].
fn byte(at: usize) -> u8 {
    ((at * 7 + at / 251) % 0xa5) as u8
}

/// What the target is after a copy.
fn is_copied(target: &[u8], from: usize, to: usize, length: usize) -> bool {
    let expected = |at: usize| match at.checked_sub(to) {
        Some(offset) if offset < length => byte(from + offset),
        _ => UNTOUCHED,
    };
    target
        .iter()
        .enumerate()
        .all(|(at, found)| black_box(*found) == expected(at))
}

/// Every byte arrives, and nothing beside is touched.
pub fn are_exact(_: &mut Context<'_, '_>) -> Outcome {
    let mut memory = [[0u64; BYTES / 8]; 2];
    // SAFETY: words, of the length that is said, that live as long as the areas and are reached through them only.
    let [source, target] = memory
        .each_mut()
        .map(|words| unsafe { Area::new(NonNull::from(words).cast(), BYTES) });
    let mut bytes = [0; BYTES];
    for (at, place) in bytes.iter_mut().enumerate() {
        *place = byte(at);
    }
    ensure!(source.write(0, &bytes));
    for length in (0..ALL_LENGTHS).chain(SOME_LENGTHS) {
        for place in 0..PLACES * PLACES {
            let (from, to) = (place % PLACES, MARGIN + place / PLACES);
            let shown = (to + length + MARGIN).min(BYTES);
            // Between areas.
            let mut copied = [UNTOUCHED; BYTES];
            ensure!(target.write(0, &copied[..shown]));
            ensure!(target.copy_from(to, &source, from, length));
            ensure!(target.read(0, &mut copied[..shown]));
            ensure!(is_copied(&copied[..shown], from, to, length));
            // As the compiler copies.
            let mut copied = [UNTOUCHED; BYTES];
            copied[to..to + length].copy_from_slice(black_box(&bytes[from..from + length]));
            ensure!(is_copied(&copied[..shown], from, to, length));
        }
    }
    Ok(())
}

/// Every byte of a stretch is filled, and none beside.
pub fn fill_exactly(_: &mut Context<'_, '_>) -> Outcome {
    const FILL: u8 = 0x3c;
    for length in (0..ALL_LENGTHS).chain(SOME_LENGTHS) {
        for to in MARGIN..MARGIN + PLACES {
            let mut bytes = [UNTOUCHED; BYTES];
            bytes[to..to + length].fill(black_box(FILL));
            let expected = |at: usize| {
                if (to..to + length).contains(&at) {
                    FILL
                } else {
                    UNTOUCHED
                }
            };
            let is_filled = bytes
                .iter()
                .enumerate()
                .all(|(at, found)| black_box(*found) == expected(at));
            ensure!(is_filled);
        }
    }
    Ok(())
}

/// Bytes are as large as the first of them that differs, and as none that lies beside.
pub fn compare_exactly(_: &mut Context<'_, '_>) -> Outcome {
    const LESS: u8 = 0x12;
    const MORE: u8 = 0xf3;
    for length in 0..ALL_LENGTHS {
        for place in 0..PLACES * PLACES {
            let (here, there) = (MARGIN + place % PLACES, MARGIN + place / PLACES);
            let (mut one, mut other) = ([LESS; BYTES], [MORE; BYTES]);
            for at in 0..length {
                (one[here + at], other[there + at]) = (byte(at), byte(at));
            }
            let order = |one: &[u8; BYTES], other: &[u8; BYTES]| {
                black_box(&one[here..here + length]).cmp(black_box(&other[there..there + length]))
            };
            ensure!(order(&one, &other).is_eq());
            if length > 0 {
                // Every place, as lengths and places go on.
                let at = (length * 5 + place) % length;
                (one[here + at], other[there + at]) = (LESS, MORE);
                ensure!(order(&one, &other).is_lt());
                (one[here + at], other[there + at]) = (MORE, LESS);
                ensure!(order(&one, &other).is_gt());
                ensure!(one[here..here + length] != other[there..there + length]);
            }
        }
    }
    Ok(())
}
