//! Single pages for a release that asks for many: taken from the heap some at a time.
//!
//! The heap has a word of its own behind each block, so that two blocks of a page have another page between them. 0.8.2 keeps a list of a
//! page for each request that may be under way, and after a crash clients wait until a heap of twice as many pages is there.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::PAGE;
use crate::dma;

/// Pages that are taken from the heap at a time.
const RUN: usize = 8;

/// What is left of the run that was taken last; atomic only so that it can be a static without `unsafe`.
struct Run {
    next: AtomicUsize,
    left: AtomicUsize,
}

static LAST: Run = Run::new();

impl Run {
    const fn new() -> Self {
        Self {
            next: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
        }
    }

    /// The next page, of a run that `more` gives if there is none left.
    fn take(&self, more: impl FnOnce() -> Option<NonNull<u8>>) -> Option<NonNull<u8>> {
        let (next, left) = match self.left.load(Relaxed) {
            0 => (more()?.as_ptr().expose_provenance(), RUN),
            left => (self.next.load(Relaxed), left),
        };
        self.next.store(next + PAGE, Relaxed);
        self.left.store(left - 1, Relaxed);
        NonNull::new(core::ptr::with_exposed_provenance_mut(next))
    }

    /// Takes a page back if it is the one that was given last. False: it stays unused.
    fn give_back(&self, page: NonNull<u8>) -> bool {
        let (address, left) = (page.as_ptr().expose_provenance(), self.left.load(Relaxed));
        let is_last = left < RUN && address + PAGE == self.next.load(Relaxed);
        if is_last {
            self.next.store(address, Relaxed);
            self.left.store(left + 1, Relaxed);
        }
        is_last
    }
}

/// As [`dma::alloc_pages`].
pub fn alloc(pages: usize) -> Option<(u64, NonNull<u8>)> {
    if pages != 1 {
        return dma::alloc_pages(pages);
    }
    let page = LAST.take(|| dma::alloc_pages(RUN).map(|(_, run)| run))?;
    let io_addr = dma::io_addr(NonNull::slice_from_raw_parts(page, PAGE))?;
    Some((io_addr, page))
}

/// Gives pages back. A single one can be had again if it was the last that was given, as what a release asks its device into while it
/// starts; the heap does not get it.
///
/// # Safety
/// As [`dma::free_pages`], for pages of [`alloc`].
pub unsafe fn free(vaddr: NonNull<u8>, pages: usize) {
    if pages != 1 {
        // SAFETY: the caller's word; these came from there.
        unsafe { dma::free_pages(vaddr, pages) };
    } else if LAST.give_back(vaddr) {
        // SAFETY: a page of the run, which by the caller's word nobody uses any more.
        unsafe { vaddr.write_bytes(0, PAGE) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    #[test]
    fn pages_of_a_run_are_given_one_behind_the_other_and_the_last_can_come_back() {
        let (run, mut runs) = (Run::new(), 0);
        let mut take = || {
            run.take(|| {
                runs += 1;
                NonNull::new(core::ptr::without_provenance_mut(runs << 20))
            })
            .map(|page| page.as_ptr().addr())
        };
        let given: Vec<_> = (0..2 * RUN).filter_map(|_| take()).collect();
        let expected = |at: usize| ((at / RUN + 1) << 20) + at % RUN * PAGE;
        assert!(given.iter().copied().eq((0..2 * RUN).map(expected)));
        let third = take().unwrap();
        let page = |address| NonNull::new(core::ptr::without_provenance_mut(address)).unwrap();
        assert!(!run.give_back(page(given[RUN])), "another run's");
        assert!(run.give_back(page(third)));
        assert!(!run.give_back(page(third - PAGE)), "before the run");
        assert_eq!((take(), take()), (Some(third), Some(third + PAGE)));
        assert_eq!(runs, 3);
    }
}
