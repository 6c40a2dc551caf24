//! What the threads of a test did, in the order they did it.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const CAPACITY: usize = 64;

static ENTRIES: [AtomicU64; CAPACITY] = [const { AtomicU64::new(0) }; CAPACITY];
static LENGTH: AtomicUsize = AtomicUsize::new(0);
static CELLS: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

/// Forgets everything.
pub fn reset() {
    LENGTH.store(0, Ordering::SeqCst);
    for cell in &CELLS {
        cell.store(0, Ordering::SeqCst);
    }
}

/// Appends; entries beyond the capacity are dropped.
pub fn push(value: u64) {
    let at = LENGTH.fetch_add(1, Ordering::SeqCst);
    if let Some(entry) = ENTRIES.get(at) {
        entry.store(value, Ordering::SeqCst);
    }
}

/// Number of entries.
pub fn length() -> usize {
    LENGTH.load(Ordering::SeqCst)
}

/// Removes and returns all entries, padded with zeroes or cut to `N`; and how many there were.
pub fn take<const N: usize>() -> (usize, [u64; N]) {
    let length = LENGTH.swap(0, Ordering::SeqCst);
    let entries = core::array::from_fn(|i| {
        if i < length {
            ENTRIES[i].load(Ordering::SeqCst)
        } else {
            0
        }
    });
    (length, entries)
}

/// A word shared by the threads of a test, zero at its begin.
pub fn cell(n: usize) -> &'static AtomicU64 {
    &CELLS[n]
}

/// `logged!([a, b])`: the log holds exactly that; it is empty afterwards.
macro_rules! logged {
    ([]) => {
        $crate::expect::equal("log", $crate::log::take::<4>(), (0, [0; 4]))?
    };
    ([$($value:expr),* $(,)?]) => {{
        let expected = [$($value as u64),*];
        $crate::expect::equal("log", $crate::log::take(), (expected.len(), expected))?
    }};
}

pub(crate) use logged;
