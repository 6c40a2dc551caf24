//! Memory for host tests: an arena that refuses what is outside it or not aligned.

use crate::machine::Memory;
use crate::object::PhysAddr;

const BASE: PhysAddr = 0x4000_0000;

/// A piece of physical memory.
pub struct Arena {
    words: Vec<u64>,
}

impl Arena {
    /// `bytes` bytes of zeroes.
    pub fn new(bytes: u64) -> Self {
        Self {
            words: vec![0; bytes as usize / 8],
        }
    }
    /// Address of the first byte.
    pub fn base(&self) -> PhysAddr {
        BASE
    }
    fn index(at: PhysAddr) -> usize {
        assert_eq!(at % 8, 0, "misaligned access at {at:#x}");
        ((at - BASE) / 8) as usize
    }
}

impl Memory for Arena {
    fn load(&self, base: PhysAddr, offset: u64) -> u64 {
        self.words[Self::index(base + offset)]
    }
    fn store(&mut self, base: PhysAddr, offset: u64, value: u64) {
        self.words[Self::index(base + offset)] = value;
    }
    fn zero(&mut self, base: PhysAddr, bytes: u64) {
        let start = Self::index(base);
        self.words[start..start + bytes as usize / 8].fill(0);
    }
}
