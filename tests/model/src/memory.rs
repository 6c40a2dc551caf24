//! The pages of the links and the shadow's region, as part of a state: the ends of links are the code's own, their pages are
//! looked up in whatever memory is in place.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;

use device_class::block::{BlockRequest, BlockResponse};
use shadow::ledger::Region;
use shared_ring::page::Page;
use shared_ring::{CAPACITY, ENTRIES, HEAD, INFO, TAIL};

use crate::disk::SESSIONS_MAX;

/// Pages: per side of the device slot the shadow's and the driver's, then the client's and the shadow's of each session.
const PAGES: usize = 4 + 2 * SESSIONS_MAX;

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRef(u8);

impl PageRef {
    /// The client's page of a session.
    pub fn client(session: usize) -> Self {
        Self(4 + 2 * session as u8)
    }
    /// The shadow's page of it.
    pub fn session(session: usize) -> Self {
        Self(5 + 2 * session as u8)
    }
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

/// All pages, and the region that outlives the shadow.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pages: [Words; PAGES],
    region: Words,
    /// How many changes there were.
    changes: usize,
    /// So many more changes, and whoever makes them is dead: no later one has an effect.
    life: Option<usize>,
}

thread_local! {
    static IN_PLACE: RefCell<Memory> = RefCell::default();
}

impl Memory {
    /// Lets the one who acts next die after so many changes.
    pub fn limit(&mut self, life: Option<usize>) {
        self.life = life;
    }

    /// Changes so far.
    pub fn changes(&self) -> usize {
        self.changes
    }

    /// With the region or without: nobody will look at it when the shadow cannot die any more.
    pub fn hash_with<H: Hasher>(&self, region: bool, state: &mut H) {
        for number in 0..PAGES {
            self.hash_page(number, state);
        }
        if region {
            shadow::state::ledger(Resting(&self.region), 0).hash_kept(state);
        }
    }

    /// Nobody reads again what its reader has taken from a ring.
    fn hash_page<H: Hasher>(&self, number: usize, state: &mut H) {
        let index = |page: usize, offset: usize| look_up(&self.pages[page], (offset / 8) as u16) as u32;
        const { assert!(TAIL.is_multiple_of(8) && HEAD.is_multiple_of(8)) }
        const { assert!(size_of::<BlockRequest>().is_multiple_of(8)) }
        const { assert!(size_of::<BlockResponse>().is_multiple_of(8)) }
        // Pages of a link are neighbours.
        let (tail, head) = (index(number, TAIL), index(number ^ 1, HEAD));
        let in_ring = ENTRIES / 8..INFO / 8;
        // Pages of even numbers carry requests.
        let len = [size_of::<BlockRequest>(), size_of::<BlockResponse>()][number % 2];
        let is_read_again = |word: usize| {
            let place = (word * 8 - ENTRIES) / len;
            let ahead = (place as u32).wrapping_sub(head) % CAPACITY;
            ahead < tail.wrapping_sub(head)
        };
        for (word, value) in &self.pages[number] {
            let at = usize::from(*word);
            if !in_ring.contains(&at) || is_read_again(at) {
                (word, value).hash(state);
            }
        }
        // So that neighbouring pages are told apart.
        u64::MAX.hash(state);
    }

    fn change(&mut self, page: Option<PageRef>, word: u16, value: u64) {
        let words = match page {
            Some(page) => &mut self.pages[usize::from(page.0)],
            None => &mut self.region,
        };
        let found = words.binary_search_by_key(&word, |(at, _)| *at);
        if found.map_or(0, |at| words[at].1) == value {
            return;
        }
        self.changes += 1;
        match &mut self.life {
            Some(0) => return,
            Some(left) => *left -= 1,
            None => {}
        }
        match (found, value) {
            (Ok(at), 0) => drop(words.remove(at)),
            (Ok(at), value) => words[at].1 = value,
            (Err(at), value) => words.insert(at, (word, value)),
        }
    }

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

fn look_up(words: &Words, word: u16) -> u64 {
    match words.binary_search_by_key(&word, |(at, _)| *at) {
        Ok(at) => words[at].1,
        Err(_) => 0,
    }
}

/// The shadow's region in whatever memory is in place.
#[derive(Clone, Copy, Debug)]
pub struct RegionRef;

impl Region for RegionRef {
    fn load(&self, at: usize) -> u64 {
        IN_PLACE.with_borrow(|memory| look_up(&memory.region, at as u16))
    }
    fn store(&self, at: usize, value: u64) {
        IN_PLACE.with_borrow_mut(|memory| memory.change(None, at as u16, value));
    }
}

/// A region that is only looked at.
#[derive(Clone, Copy)]
struct Resting<'a>(&'a Words);

impl Region for Resting<'_> {
    fn load(&self, at: usize) -> u64 {
        look_up(self.0, at as u16)
    }
    fn store(&self, _: usize, _: u64) {}
}

impl Page for PageRef {
    fn load64(&self, offset: usize) -> u64 {
        let word = (offset / 8) as u16;
        IN_PLACE.with_borrow(|memory| look_up(&memory.pages[usize::from(self.0)], word))
    }

    fn store64(&self, offset: usize, value: u64) {
        let word = (offset / 8) as u16;
        IN_PLACE.with_borrow_mut(|memory| memory.change(Some(*self), word, value));
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
