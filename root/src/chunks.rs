//! The memory of one generation: a 2 MiB untyped, split into chunks when the system boots.
//!
//! Revoking and clearing 2 MiB at once, at root's priority, would stall every client for a millisecond. In chunks of
//! 64 KiB each step is short; together they are still one contiguous range that holds everything a generation has.
//! The window's pages come first; kernel objects are placed behind it.

/// Size of a generation's untyped in bits.
pub const GENERATION_BITS: u32 = 21;
/// Size of a chunk in bits.
pub const CHUNK_BITS: u32 = 16;
/// Chunks of a generation.
pub const CHUNKS: usize = 1 << (GENERATION_BITS - CHUNK_BITS);
/// Pages of a chunk.
pub const CHUNK_PAGES: u64 = 1 << (CHUNK_BITS - 12);
/// Pages of a step of building while nobody waits for the driver: each step holds up all clients, and they come first.
pub const QUIET_PAGES: u64 = CHUNK_PAGES / 4;

/// Pages from `done` on that are the next step's, of `total`: at most `step`, and all of one chunk.
pub fn next_pages(done: u64, total: u64, step: u64) -> u64 {
    total
        .saturating_sub(done)
        .min(step)
        .min(CHUNK_PAGES - done % CHUNK_PAGES)
}

/// Places objects in the chunks behind the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objects {
    chunk: usize,
    used: u64,
}

impl Objects {
    /// Behind a window of this many pages.
    pub fn behind(window_pages: u64) -> Self {
        Self {
            chunk: window_pages.div_ceil(CHUNK_PAGES) as usize,
            used: 0,
        }
    }
    /// The chunk from which an object of this size comes; `None` if there is no room for it.
    pub fn place(&mut self, size_bits: u32) -> Option<usize> {
        if size_bits > CHUNK_BITS {
            return None;
        }
        let size = 1u64 << size_bits;
        let start = self.used.next_multiple_of(size);
        let (chunk, start) = if start + size <= 1 << CHUNK_BITS {
            (self.chunk, start)
        } else {
            (self.chunk + 1, 0)
        };
        if chunk >= CHUNKS {
            return None;
        }
        *self = Self {
            chunk,
            used: start + size,
        };
        Some(chunk)
    }
    /// How many chunks hold something.
    pub fn chunks_in_use(&self) -> usize {
        self.chunk + usize::from(self.used > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_any_length_end_with_each_chunk_and_with_the_last_page() {
        for steps in [
            [QUIET_PAGES; 2],
            [QUIET_PAGES, CHUNK_PAGES],
            [CHUNK_PAGES; 2],
            [3, 7],
        ] {
            let (mut done, mut count) = (0, 0);
            while done < 41 {
                let pages = next_pages(done, 41, steps[count % 2]);
                assert!(pages > 0 && done / CHUNK_PAGES == (done + pages - 1) / CHUNK_PAGES);
                (done, count) = (done + pages, count + 1);
            }
            assert_eq!(done, 41);
        }
        assert_eq!(next_pages(41, 41, CHUNK_PAGES), 0);
    }

    #[test]
    fn objects_never_share_a_chunk_with_the_window() {
        let mut objects = Objects::behind(17);
        assert_eq!(objects.place(12), Some(2));
        assert_eq!(Objects::behind(16).place(12), Some(1));
    }

    #[test]
    fn a_full_chunk_is_followed_by_the_next() {
        let mut objects = Objects::behind(0);
        assert_eq!(objects.place(4), Some(0));
        for _ in 0..15 {
            assert_eq!(objects.place(12), Some(0));
        }
        assert_eq!(objects.place(12), Some(1));
        assert_eq!(objects.chunks_in_use(), 2);
    }

    #[test]
    fn a_full_generation_says_so() {
        let mut objects = Objects::behind(511);
        assert_eq!(objects.place(12), None);
        assert_eq!(objects.chunks_in_use(), 32);
        assert_eq!(Objects::behind(0).place(CHUNK_BITS + 1), None);
    }
}
