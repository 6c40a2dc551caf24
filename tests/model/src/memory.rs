//! The pages of the links, as part of a state: the ends of links are the code's own, their pages are looked up in
//! whatever memory is in place.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use shared_ring::page::Page;

/// Pages: per side of the device slot the shadow's and the driver's, then the client's and the shadow's of the session.
const PAGES: usize = 6;

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRef(u8);

impl PageRef {
    /// The client's page of its session.
    pub const CLIENT: Self = Self(4);
    /// The shadow's page of it.
    pub const SESSION: Self = Self(5);
    /// What the shadow writes on a side.
    pub fn of_shadow(side: supervision::Side) -> Self {
        Self(2 * side as u8)
    }
    /// What the driver writes on a side.
    pub fn of_driver(side: supervision::Side) -> Self {
        Self(2 * side as u8 + 1)
    }
}

/// Contents: double words that are not 0, by number.
type Words = Vec<(u16, u64)>;

/// All pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    pages: [Words; PAGES],
}

thread_local! {
    static IN_PLACE: RefCell<Memory> = RefCell::default();
}

impl Memory {
    /// Zeroes a page.
    pub fn clear(&mut self, page: PageRef) {
        self.pages[usize::from(page.0)].clear();
    }

    /// Lets `act` use links over this memory.
    pub fn with<R>(&mut self, act: impl FnOnce() -> R) -> R {
        let swap = |memory: &mut Memory| IN_PLACE.with_borrow_mut(|place| std::mem::swap(place, memory));
        swap(self);
        let result = act();
        swap(self);
        result
    }
}

impl Page for PageRef {
    fn load64(&self, offset: usize) -> u64 {
        let word = (offset / 8) as u16;
        IN_PLACE.with_borrow(|memory| {
            let words = &memory.pages[usize::from(self.0)];
            match words.binary_search_by_key(&word, |(at, _)| *at) {
                Ok(at) => words[at].1,
                Err(_) => 0,
            }
        })
    }

    fn store64(&self, offset: usize, value: u64) {
        let word = (offset / 8) as u16;
        IN_PLACE.with_borrow_mut(|memory| {
            let words = &mut memory.pages[usize::from(self.0)];
            match (words.binary_search_by_key(&word, |(at, _)| *at), value) {
                (Ok(at), 0) => drop(words.remove(at)),
                (Ok(at), value) => words[at].1 = value,
                (Err(_), 0) => {}
                (Err(at), value) => words.insert(at, (word, value)),
            }
        });
    }

    fn load32(&self, offset: usize, _: Ordering) -> u32 {
        (self.load64(offset) >> (offset % 8 * 8)) as u32
    }

    fn store32(&self, offset: usize, value: u32, _: Ordering) {
        let shift = offset % 8 * 8;
        let rest = self.load64(offset) & !(u64::from(u32::MAX) << shift);
        self.store64(offset, rest | u64::from(value) << shift);
    }

    fn load8(&self, offset: usize) -> u8 {
        (self.load64(offset) >> (offset % 8 * 8)) as u8
    }

    fn store8(&self, offset: usize, value: u8) {
        let shift = offset % 8 * 8;
        let rest = self.load64(offset) & !(0xff << shift);
        self.store64(offset, rest | u64::from(value) << shift);
    }

    fn fence() {}
}
