//! The partition of blocks that describe themselves, from `docs/formats/disk-check.md`.

use super::report::ClientReport;
use super::{Fault, Verdict};

const BLOCK: usize = 4096;
const MAGIC: &[u8; 8] = b"UMBRADC1";

/// A block's 512 words.
pub(super) fn block(number: u64, sequence: u64, seed: u64) -> Vec<u64> {
    let a = |x: u64| x ^ (x >> 32);
    let key =
        seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ sequence.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let mut words = vec![u64::from_le_bytes(*MAGIC), number, sequence, seed];
    let mut s = a(a(key).wrapping_mul(0xd6e8_feb8_6659_fd93));
    words.extend((4..=510).map(|_| {
        s = s
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        s
    }));
    let checksum = words.iter().fold(0u64, |c, word| c.rotate_left(1) ^ word);
    words.push(checksum);
    words
}

/// Writes every block with sequence 0.
pub fn format(partition: &mut [u8], seed: u64) {
    for (number, bytes) in (0..).zip(partition.chunks_exact_mut(BLOCK)) {
        for (place, word) in bytes.chunks_exact_mut(8).zip(block(number, 0, seed)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// What a block is, whatever it should be.
enum Found {
    Intact { number: u64, sequence: u64, seed: u64 },
    Broken,
}

fn read(words: &[u64]) -> Found {
    let (number, sequence, seed) = (words[1], words[2], words[3]);
    if words == block(number, sequence, seed) {
        Found::Intact {
            number,
            sequence,
            seed,
        }
    } else {
        Found::Broken
    }
}

/// Whether each word is that of some legal sequence.
fn is_mixture(words: &[u64], number: u64, seed: u64, acknowledged: u32, submitted: u32) -> bool {
    let legal: Vec<Vec<u64>> = (acknowledged..=submitted)
        .map(|sequence| block(number, sequence.into(), seed))
        .collect();
    words
        .iter()
        .enumerate()
        .all(|(at, word)| legal.iter().any(|block| block[at] == *word))
}

/// Compares the partition with the ledger.
pub fn check(partition: &[u8], report: &ClientReport, verdict: &mut Verdict) {
    let seed = report.header.seed;
    let mut entries = report.entries().map(|entry| {
        [0, 4, 8].map(|at| u32::from_le_bytes(entry[at..at + 4].try_into().unwrap_or_default()))
    });
    for (number, bytes) in (0u64..).zip(partition.chunks_exact(BLOCK)) {
        let [acknowledged, submitted, seen] = entries.next().unwrap_or_default();
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
            .collect();
        verdict.blocks += 1;
        let found = read(&words);
        let legal = u64::from(acknowledged)..=u64::from(submitted);
        let (fault, what) = match found {
            Found::Intact {
                number: own,
                sequence,
                seed: its,
            } if own == number && its == seed => {
                if legal.contains(&sequence) {
                    continue;
                }
                let fault = if sequence > u64::from(submitted) {
                    Fault::Corrupt
                } else if sequence < u64::from(seen) {
                    Fault::Stale
                } else {
                    Fault::Lost
                };
                (fault, format!("sequence {sequence}"))
            }
            Found::Intact {
                number: own,
                sequence,
                ..
            } => (Fault::Corrupt, format!("block {own} of sequence {sequence}")),
            Found::Broken
                if submitted > acknowledged && is_mixture(&words, number, seed, acknowledged, submitted) =>
            {
                continue;
            }
            Found::Broken => (Fault::Corrupt, "damaged content".to_owned()),
        };
        verdict.find(fault, || {
            format!("block {number} holds {what}, legal is {acknowledged} to {submitted}, seen was {seen}")
        });
    }
    if entries.next().is_some() {
        verdict.find(Fault::Undecided, || {
            "the ledger has more blocks than the partition".to_owned()
        });
    }
}
