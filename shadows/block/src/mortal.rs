//! For tests only: a state region over whose writing the shadow dies on demand. No product build has it.

use core::sync::atomic::AtomicU64;

use crash_points::{Party, point};
use shadow::ledger::Region;

/// A region each of whose stores is an instant.
#[derive(Clone, Copy)]
pub struct Mortal(pub &'static [AtomicU64]);

impl Region for Mortal {
    fn load(&self, at: usize) -> u64 {
        self.0.load(at)
    }
    fn store(&self, at: usize, value: u64) {
        // There are far fewer words.
        point(Party::Shadow, at as u32);
        self.0.store(at, value);
    }
}
