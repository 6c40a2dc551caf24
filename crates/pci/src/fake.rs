//! Functions, ports and patience for tests, here and in the bus.

mod port;

pub use port::RootPort;

use core::cell::Cell;

use crate::{Config, ConfigMut, Patience};

/// Configuration space in which some bits can be written.
#[derive(Clone, Debug)]
pub struct Fake {
    /// What is there.
    pub words: [u32; 64],
    /// Which bits of it can be written.
    pub writable: [u32; 64],
    /// Bits of the command register that are always set.
    pub stuck: u32,
}

impl Fake {
    /// A device without regions or capabilities.
    pub fn device() -> Self {
        let mut fake = Self {
            words: [0; 64],
            writable: [0; 64],
            stuck: 0,
        };
        fake.words[0] = 0x1042_1af4;
        fake.words[1] = 1 << 20;
        fake.writable[1] = 0xffff;
        fake
    }

    /// The given words, again and again.
    pub fn noise(words: [u32; 32], writable: [u32; 32]) -> Self {
        let twice = |words: [u32; 32]| core::array::from_fn(|index| words[index % 32]);
        Self {
            words: twice(words),
            writable: twice(writable),
            stuck: 0,
        }
    }

    /// A base address register with these bits that can be written and these that are fixed.
    pub fn bar(&mut self, index: usize, writable: u32, fixed: u32) {
        self.writable[4 + index] = writable & !fixed;
        self.words[4 + index] = fixed;
        if fixed == 4 || fixed == 0xc {
            self.writable[5 + index] = u32::MAX;
        }
    }

    /// Puts a capability before the others.
    pub fn capability(&mut self, offset: u8, words: &[u32]) {
        let first = usize::from(offset) / 4;
        for (index, word) in words.iter().enumerate() {
            self.words[first + index] = *word;
        }
        self.words[first] |= (self.words[0x34 / 4] & 0xff) << 8;
        self.words[0x34 / 4] = offset.into();
    }
}

impl Config for Fake {
    fn read(&self, offset: u8) -> u32 {
        assert_eq!(offset % 4, 0);
        let stuck = if offset == 4 { self.stuck } else { 0 };
        self.words[usize::from(offset) / 4] | stuck
    }
}

impl ConfigMut for Fake {
    fn write(&mut self, offset: u8, value: u32) {
        assert_eq!(offset % 4, 0);
        let index = usize::from(offset) / 4;
        self.words[index] = self.words[index] & !self.writable[index] | value & self.writable[index];
    }
}

/// Looks so often: for who has no clock.
#[derive(Clone, Debug)]
pub struct Times {
    all: usize,
    left: Cell<usize>,
}

impl Times {
    /// So many looks before the last.
    pub fn new(times: usize) -> Self {
        Self {
            all: times,
            left: Cell::new(times),
        }
    }
}

impl Patience for Times {
    fn lasts(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
    fn renewed(&self) -> Self {
        Self::new(self.all)
    }
}
