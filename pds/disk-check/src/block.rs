//! One block: filled, and checked word by word.
//!
//! The data region is shared with whoever drives the device, so its words are atomics: every word is read once, and a driver
//! that writes into it meanwhile can make a block wrong, but nothing else.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of a block.
pub const BLOCK_SIZE: usize = 4096;
/// Words of a block.
pub const WORDS: usize = BLOCK_SIZE / 8;

const MAGIC: u64 = u64::from_le_bytes(*b"UMBRADC1");

/// What a block says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number in the partition.
    pub block: u64,
    /// How many writes of this block it has seen.
    pub sequence: u64,
    /// The seed of the partition.
    pub seed: u64,
}

/// What a block in the data region turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Every word is what the header says it must be.
    Intact(Header),
    /// Not so.
    Damaged,
}

/// The words of a block, one after the other.
struct Words {
    header: Header,
    state: u64,
    checksum: u64,
}

impl Words {
    fn new(header: Header) -> Self {
        let folded = |x: u64| x ^ (x >> 32);
        let mixed = header.seed
            ^ header.block.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ header.sequence.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        let state = folded(folded(mixed).wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self {
            header,
            state,
            checksum: 0,
        }
    }

    /// Word `index`; to be asked for each index in order.
    #[inline(always)]
    fn word(&mut self, index: usize) -> u64 {
        let word = match index {
            0 => MAGIC,
            1 => self.header.block,
            2 => self.header.sequence,
            3 => self.header.seed,
            _ if index == WORDS - 1 => return self.checksum,
            _ => {
                self.state = self
                    .state
                    .wrapping_mul(0x5851_f42d_4c95_7f2d)
                    .wrapping_add(0x1405_7b7e_f767_814f);
                self.state
            }
        };
        self.checksum = self.checksum.rotate_left(1) ^ word;
        word
    }
}

/// Write a block.
pub fn fill(data: &[AtomicU64; WORDS], header: Header) {
    let mut words = Words::new(header);
    for (index, cell) in data.iter().enumerate() {
        cell.store(words.word(index).to_le(), Relaxed);
    }
}

/// Check a block against its own header.
pub fn check(data: &[AtomicU64; WORDS]) -> Content {
    let [_, block, sequence, seed] = [0, 1, 2, 3].map(|index: usize| u64::from_le(data[index].load(Relaxed)));
    let header = Header {
        block,
        sequence,
        seed,
    };
    let mut words = Words::new(header);
    // Differences are collected, not branched on: the loop has no exit to predict.
    let mut difference = 0;
    for (index, cell) in data.iter().enumerate() {
        difference |= u64::from_le(cell.load(Relaxed)) ^ words.word(index);
    }
    if difference == 0 {
        Content::Intact(header)
    } else {
        Content::Damaged
    }
}

/// Whether each word is the word of some sequence from `least` to `most`.
pub fn is_mixture(data: &[AtomicU64; WORDS], block: u64, seed: u64, least: u64, most: u64) -> bool {
    let mut explained = [0u64; WORDS / 64];
    for sequence in least..=most {
        let mut words = Words::new(Header {
            block,
            sequence,
            seed,
        });
        for (index, cell) in data.iter().enumerate() {
            let same = u64::from_le(cell.load(Relaxed)) == words.word(index);
            explained[index / 64] |= u64::from(same) << (index % 64);
        }
    }
    explained.iter().all(|word| *word == u64::MAX)
}
