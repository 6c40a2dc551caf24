//! What a generation's window looks like: image, guard page, stack, heap.

use driver_package::image::{DRIVER_WINDOW, ImageError, Layout, PAGE, Rights, Segment};
use driver_package::resources::{WINDOW_MAX, WINDOW_VADDR};
use supervision::root::WINDOW_WORDS;

/// Pages of a driver's stack.
pub const STACK_PAGES: u64 = 16;
/// Pages that the objects of a generation may need behind the window: two chunks.
const OBJECT_PAGES: u64 = 32;
/// Most pages of a window.
pub const MAX_PAGES: u64 = WINDOW_MAX / PAGE - OBJECT_PAGES;
const _: () = assert!(MAX_PAGES <= 64 * WINDOW_WORDS as u64);

/// A checked window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    image: Layout,
    image_pages: u64,
    heap_pages: u64,
}

/// Why a window cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowError {
    /// The image breaks this rule.
    Image(ImageError),
    /// Image, stack and heap together are too large.
    TooLarge,
}

impl Window {
    /// Checks the image's segments and lays out stack and heap behind them.
    pub fn new(entry: u64, segments: &[Segment], heap_pages: u64) -> Result<Self, WindowError> {
        let image = Layout::check(entry, segments, DRIVER_WINDOW).map_err(WindowError::Image)?;
        let image_pages = (image.end() - WINDOW_VADDR).div_ceil(PAGE);
        let fixed = image_pages + 1 + STACK_PAGES;
        let fits = heap_pages <= MAX_PAGES && fixed + heap_pages <= MAX_PAGES;
        if fits {
            Ok(Self {
                image,
                image_pages,
                heap_pages,
            })
        } else {
            Err(WindowError::TooLarge)
        }
    }

    /// Entry point.
    pub fn entry(&self) -> u64 {
        self.image.entry()
    }
    /// All pages, the guard page and gaps between segments included.
    pub fn pages(&self) -> u64 {
        self.heap_first() + self.heap_pages
    }
    /// First address behind the stack.
    pub fn stack_top(&self) -> u64 {
        WINDOW_VADDR + self.heap_first() * PAGE
    }
    /// First address of the heap.
    pub fn heap_vaddr(&self) -> u64 {
        self.stack_top()
    }
    /// Bytes of the heap.
    pub fn heap_len(&self) -> u64 {
        self.heap_pages * PAGE
    }
    /// What a page of the window is mapped for; `None` for the guard page and what lies between segments.
    pub fn rights(&self, page: u64) -> Option<Rights> {
        if page >= self.pages() || page == self.image_pages {
            return None;
        }
        if page > self.image_pages {
            return Some(Rights::ReadWrite);
        }
        let vaddr = WINDOW_VADDR + page * PAGE;
        let holds = |s: &&Segment| s.vaddr <= vaddr && vaddr < s.vaddr + s.len();
        self.image
            .segments()
            .iter()
            .find(holds)
            .map(|segment| segment.rights)
    }

    /// A bit for each page that may be written. Devices may read the others, gaps included: all of it is the generation's own.
    pub fn writable(&self) -> [u64; WINDOW_WORDS] {
        let mut words = [0; WINDOW_WORDS];
        for page in (0..self.pages()).filter(|page| self.rights(*page) == Some(Rights::ReadWrite)) {
            words[(page / 64) as usize] |= 1 << (page % 64);
        }
        words
    }

    /// Whether the stager has something to put into this page; stack and heap begin as zeroes.
    pub fn is_filled(&self, page: u64) -> bool {
        page < self.image_pages
    }

    fn heap_first(&self) -> u64 {
        self.image_pages + 1 + STACK_PAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(page: u64, pages: u32, rights: Rights) -> Segment {
        Segment {
            vaddr: WINDOW_VADDR + page * PAGE,
            pages,
            rights,
        }
    }

    fn window() -> Window {
        let segments = [
            segment(0, 3, Rights::ReadExecute),
            segment(4, 2, Rights::ReadWrite),
        ];
        Window::new(WINDOW_VADDR + 8, &segments, 10).unwrap()
    }

    #[test]
    fn only_pages_of_the_image_are_filled() {
        let window = window();
        let filled = (0..window.pages()).filter(|page| window.is_filled(*page));
        assert_eq!(filled.collect::<std::vec::Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn guard_page_and_gaps_are_mapped_for_nobody() {
        let window = window();
        assert_eq!(window.rights(2), Some(Rights::ReadExecute));
        assert_eq!(window.rights(3), None);
        assert_eq!(window.rights(5), Some(Rights::ReadWrite));
        assert_eq!(window.rights(6), None);
        assert_eq!(window.rights(7), Some(Rights::ReadWrite));
        assert_eq!(window.pages(), 6 + 1 + STACK_PAGES + 10);
        assert_eq!(window.rights(window.pages()), None);
    }

    #[test]
    fn the_stack_ends_where_the_heap_starts() {
        let window = window();
        assert_eq!(window.stack_top(), WINDOW_VADDR + (6 + 1 + STACK_PAGES) * PAGE);
        assert_eq!(
            window.heap_vaddr() + window.heap_len(),
            WINDOW_VADDR + window.pages() * PAGE
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let segments = [segment(0, 3, Rights::ReadExecute)];
        let most = MAX_PAGES - 3 - 1 - STACK_PAGES;
        assert!(Window::new(WINDOW_VADDR, &segments, most).is_ok());
        assert_eq!(
            Window::new(WINDOW_VADDR, &segments, most + 1),
            Err(WindowError::TooLarge)
        );
        assert_eq!(
            Window::new(WINDOW_VADDR, &segments, u64::MAX),
            Err(WindowError::TooLarge)
        );
        let outside = [Segment {
            vaddr: WINDOW_VADDR - PAGE,
            ..segments[0]
        }];
        assert!(matches!(
            Window::new(WINDOW_VADDR, &outside, 1),
            Err(WindowError::Image(_))
        ));
    }
}
