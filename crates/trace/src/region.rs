//! The region: one writer, any number of readers that trust it in nothing.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use zerocopy::{FromBytes, IntoBytes};

use crate::Event;
use crate::counters::{self, Counters, SLOT_WORDS, SLOTS, Standing, Tally};

/// Where the counters begin.
const COUNTERS: usize = 64;
/// Where the events begin.
pub const EVENTS: usize = COUNTERS + 8 * SLOT_WORDS * SLOTS;
const WORDS: usize = size_of::<Event>() / 8;

/// Events that fit into a region of `len` bytes.
pub const fn capacity(len: usize) -> usize {
    len.saturating_sub(EVENTS) / size_of::<Event>()
}

/// The memory, as atomic words: whatever the writer does while a reader reads is defined.
#[derive(Debug)]
struct Words {
    base: NonNull<AtomicU64>,
    capacity: u64,
}

// SAFETY: all access is atomic, and `Words::new` requires memory that is valid in every thread.
unsafe impl Send for Words {}

impl Words {
    /// # Safety
    /// `base` is aligned to 8; `len` bytes from it stay mapped for as long as the value exists and are accessed by this
    /// program through this module only.
    unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self {
            base: base.cast(),
            capacity: capacity(len) as u64,
        }
    }

    /// The number of events ever written.
    fn written(&self) -> &AtomicU64 {
        // SAFETY: only called when the capacity is not 0, so that the region is longer than `EVENTS` bytes (`new`).
        unsafe { self.base.as_ref() }
    }

    /// The counters of a slot; `None` without capacity, or if there is no such slot.
    #[inline]
    fn counters(&self, slot: u32) -> Option<&[AtomicU64; SLOT_WORDS]> {
        let slot = slot as usize;
        // SAFETY: with a capacity the region is longer than `EVENTS`, where the words of the last slot end; aligned as `base`.
        (self.capacity != 0 && slot < SLOTS)
            .then(|| unsafe { self.base.add(COUNTERS / 8 + slot * SLOT_WORDS).cast().as_ref() })
    }

    /// The words of event `number`; `None` without capacity.
    fn event(&self, number: u64) -> Option<&[AtomicU64; WORDS]> {
        let index = number.checked_rem(self.capacity)? as usize;
        // SAFETY: index < capacity, so the 32 bytes end within EVENTS + 32 * capacity <= len; aligned to 8 as `base` is.
        Some(unsafe { self.base.add(EVENTS / 8 + index * WORDS).cast().as_ref() })
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Writer {
    words: Words,
    written: u64,
}

impl Writer {
    /// Write into the region at `base`; goes on behind what an earlier incarnation of this PD wrote. A region too short
    /// for one event swallows everything.
    ///
    /// # Safety
    /// `base` is aligned to 8; `len` bytes from it stay mapped, readable and writable, for as long as the writer
    /// exists; nobody else writes them, and this program accesses them through this crate only.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        // SAFETY: the caller's contract is the same.
        let words = unsafe { Words::new(base, len) };
        let written = if words.capacity == 0 {
            0
        } else {
            words.written().load(Ordering::Relaxed)
        };
        Self { words, written }
    }

    /// Write into the region at an address of a configuration; 0: there is none, and nothing is kept.
    ///
    /// # Safety
    /// As [`new`](Self::new), if `vaddr` is not 0.
    pub unsafe fn at(vaddr: u64, len: u64) -> Self {
        match NonNull::new(vaddr as *mut u8) {
            // SAFETY: the caller's contract is the same.
            Some(base) => unsafe { Self::new(base, len as usize) },
            None => Self::nowhere(),
        }
    }

    /// A writer without a region.
    pub fn nowhere() -> Self {
        Self {
            words: Words {
                base: NonNull::dangling(),
                capacity: 0,
            },
            written: 0,
        }
    }

    /// Append an event.
    #[inline]
    pub fn write(&mut self, event: &Event) {
        let Some(target) = self.words.event(self.written) else {
            return;
        };
        let mut source = [0u64; WORDS];
        source.as_mut_bytes().copy_from_slice(event.as_bytes());
        // A reader that sees any new word must see by the count that the old event is being overwritten: it takes only
        // events younger than `written - capacity`, one less than fit.
        fence(Ordering::Release);
        for (target, word) in target.iter().zip(source) {
            target.store(word, Ordering::Relaxed);
        }
        self.written = self.written.wrapping_add(1);
        self.words.written().store(self.written, Ordering::Release);
    }

    /// Count requests of a slot.
    #[inline]
    pub fn tally(&mut self, slot: u32, tally: Tally) {
        if let Some(words) = self.words.counters(slot) {
            add(words, tally);
        }
    }

    /// Count requests of a slot, if there are any, and show how it stands after them, mode and generation being what they were.
    #[inline]
    pub fn step(&mut self, slot: u32, tally: Option<Tally>, [live, sent]: [u64; 2]) {
        let Some(words) = self.words.counters(slot) else {
            return;
        };
        if let Some(tally) = tally {
            add(words, tally);
        }
        words[counters::LIVE].store(live, Ordering::Relaxed);
        words[counters::SENT].store(sent, Ordering::Relaxed);
    }

    /// Show how a slot stands.
    #[inline]
    pub fn stand(&mut self, slot: u32, standing: Standing) {
        let Some(words) = self.words.counters(slot) else {
            return;
        };
        words[counters::LIVE].store(standing.live, Ordering::Relaxed);
        words[counters::SENT].store(standing.sent, Ordering::Relaxed);
        words[counters::STATE].store(standing.state(), Ordering::Relaxed);
    }
}

#[inline]
fn add(words: &[AtomicU64; SLOT_WORDS], tally: Tally) {
    let add = |at: usize, more: u64| {
        let sum = words[at].load(Ordering::Relaxed).wrapping_add(more);
        words[at].store(sum, Ordering::Relaxed);
    };
    add(counters::ANSWERED, tally.answered);
    add(counters::BYTES, tally.bytes);
    add(counters::WAITED, tally.waited);
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    next: u64,
    lost: u64,
}

impl Cursor {
    /// From the oldest event that is still there.
    pub const OLDEST: Self = Self { next: 0, lost: 0 };

    /// Continue at event `next` (a number that [`next`](Self::next) gave).
    pub fn at(next: u64) -> Self {
        Self { next, lost: 0 }
    }
    /// Number of the next event to read.
    pub fn next(self) -> u64 {
        self.next
    }
    /// Events that were overwritten before they were read.
    pub fn lost(self) -> u64 {
        self.lost
    }
}

/// A reading end.
#[derive(Debug)]
pub struct Reader {
    words: Words,
}

impl Reader {
    /// Read the region at `base`.
    ///
    /// # Safety
    /// `base` is aligned to 8; `len` bytes from it stay mapped and readable for as long as the reader exists; this
    /// program accesses them through this crate only. What they contain, and when it changes, does not matter.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        // SAFETY: the caller's contract is the same; nothing below stores.
        let words = unsafe { Words::new(base, len) };
        Self { words }
    }

    /// What is counted of a slot; `None`: nobody does.
    pub fn counters(&self, slot: u32) -> Option<Counters> {
        let words = self.words.counters(slot)?;
        Counters::from_words(core::array::from_fn(|at| words[at].load(Ordering::Relaxed)))
    }

    /// The next event, or `None` when there is no newer one. A writer that jumps or goes back costs events, nothing else:
    /// the cursor is then set to the oldest event that can still be there.
    pub fn read(&self, cursor: &mut Cursor) -> Option<Event> {
        let source = self.words.event(cursor.next)?;
        let written = self.words.written().load(Ordering::Acquire);
        self.catch_up(cursor, written);
        if cursor.next == written {
            return None;
        }
        // `catch_up` may have moved the cursor.
        let source = self.words.event(cursor.next).unwrap_or(source);
        let mut copy = [0u64; WORDS];
        for (word, source) in copy.iter_mut().zip(source) {
            *word = source.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        let now = self.words.written().load(Ordering::Relaxed);
        let number = cursor.next;
        self.catch_up(cursor, now);
        if cursor.next != number {
            // Overwritten while we copied. The next call goes on from the oldest.
            return None;
        }
        cursor.next = number.wrapping_add(1);
        Event::read_from_bytes(copy.as_bytes()).ok()
    }

    /// Skip what is overwritten, or may just be being overwritten.
    fn catch_up(&self, cursor: &mut Cursor, written: u64) {
        let behind = written.wrapping_sub(cursor.next);
        if behind < self.words.capacity {
            return;
        }
        // Also taken when the count went backwards (a writer that started anew in a zeroed region).
        let oldest = if written < self.words.capacity {
            0
        } else {
            written - (self.words.capacity - 1)
        };
        if oldest > cursor.next {
            cursor.lost = cursor.lost.saturating_add(oldest - cursor.next);
        }
        cursor.next = oldest;
    }
}
