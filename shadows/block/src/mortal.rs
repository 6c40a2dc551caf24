//! For tests only: a state region over whose writing the shadow dies, again and again. No product build has it.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use shadow::ledger::Region;

use trace::clock;

/// Root buries who dies more often than four times a second for long.
const LIFE_MS: u64 = 260;
/// Words that are still written when a life's time is over: fewer than this, a different number each time.
const LAST_WORDS: u64 = 211;

static LEFT: AtomicU64 = AtomicU64::new(0);

/// A region that is written until its writer's time is over.
#[derive(Clone, Copy)]
pub struct Mortal {
    words: &'static [AtomicU64],
    end: u64,
}

impl Mortal {
    /// A life that begins now.
    pub fn new(words: &'static [AtomicU64]) -> Self {
        let now = clock::ticks();
        LEFT.store(now % LAST_WORDS, Relaxed);
        Self {
            words,
            end: now + LIFE_MS * clock::hz() / 1000,
        }
    }
}

impl Region for Mortal {
    fn load(&self, at: usize) -> u64 {
        self.words.load(at)
    }
    fn store(&self, at: usize, value: u64) {
        if clock::ticks() >= self.end {
            match LEFT.load(Relaxed).checked_sub(1) {
                Some(left) => LEFT.store(left, Relaxed),
                None => panic!("a test lets the shadow die here"),
            }
        }
        self.words.store(at, value);
    }
}
