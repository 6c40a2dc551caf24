//! What outlives the shadow: words in a region that root owns, written in an order that makes every instant a good one to
//! die at. `docs/design/009-shadow-restart.md` has the argument; here is what is where.
//!
//! A request has one word that makes it live (its bit in `LIVE`), one that says up to where its client's ring is dealt with
//! (the session's cursor), one that says where it stands in a driver's ring, and one that says it is answered. Whatever else
//! is known of it is written before its bit. All that changes only in swaps is a [`Snapshot`], kept twice: the one that is
//! not valid is written, then one word makes it the valid one.

use core::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use device_class::report::DriverReport;
use system_spec::config::MAX_SESSIONS;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::Wire;
use crate::journal::Journal;
use crate::tracker::{CAPACITY, REQUEST_WORDS};

/// Words that outlive the shadow. A store becomes visible as a whole, after all stores before it. Clones are the same words.
pub trait Region: Clone {
    /// Load the word of this index; 0 outside.
    fn load(&self, at: usize) -> u64;
    /// Store a word; outside, nothing.
    fn store(&self, at: usize, value: u64);
    /// Store neighbouring words, from `at` on: after all stores before and before all that follow, among themselves in any order.
    #[inline]
    fn store_run<const N: usize>(&self, at: usize, words: [u64; N]) {
        for (offset, word) in words.into_iter().enumerate() {
            self.store(at + offset, word);
        }
    }
}

/// The shadow is alone on its pages, and its successor begins when it has stopped: so he finds what was stored in program order, as
/// a debugger would. Only the compiler must be kept from changing that order.
impl Region for &[AtomicU64] {
    fn load(&self, at: usize) -> u64 {
        self.get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }
    fn store(&self, at: usize, value: u64) {
        if let Some(word) = self.get(at) {
            compiler_fence(Ordering::Release);
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// The words of one slot: as their number is known, an index that the ledger computes needs no check when it runs.
impl Region for &[AtomicU64; SLOT_WORDS] {
    #[inline]
    fn load(&self, at: usize) -> u64 {
        self.get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }
    #[inline]
    fn store(&self, at: usize, value: u64) {
        if let Some(word) = self.get(at) {
            compiler_fence(Ordering::Release);
            word.store(value, Ordering::Relaxed);
        }
    }
    #[inline]
    fn store_run<const N: usize>(&self, at: usize, words: [u64; N]) {
        if let Some(run) = self.get(at..).and_then(<[AtomicU64]>::first_chunk::<N>) {
            compiler_fence(Ordering::Release);
            for (place, word) in run.iter().zip(words) {
                place.store(word, Ordering::Relaxed);
            }
        }
    }
}

/// The words of a region from one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part<R> {
    region: R,
    base: usize,
}

impl<R: Region> Part<R> {
    /// From word `base` on.
    pub fn new(region: R, base: usize) -> Self {
        Self { region, base }
    }
}

impl<R: Region> Region for Part<R> {
    fn load(&self, at: usize) -> u64 {
        self.region.load(self.base + at)
    }
    fn store(&self, at: usize, value: u64) {
        self.region.store(self.base + at, value);
    }
}

/// No region: for a shadow that will not be started anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unkept;

impl Region for Unkept {
    fn load(&self, _: usize) -> u64 {
        0
    }
    fn store(&self, _: usize, _: u64) {}
}

/// What changes only in swaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Snapshot {
    /// Number of the mode.
    pub mode: u32,
    /// Draining: requests in flight at the order.
    pub had: u32,
    /// The mode's deadline, CNTPCT.
    pub until: u64,
    /// Waiting: what a lost capability means.
    pub policy: u32,
    /// Control's transaction.
    pub transaction: u32,
    /// Generation attached, 0 if none.
    pub generation: u32,
    /// Its side.
    pub side: u32,
    /// `FLAG_*`.
    pub flags: u32,
    /// States of the sessions, four bits each.
    pub sessions: u32,
    /// Cursor of the link to control.
    pub control: u64,
    /// Entries that an earlier generation had.
    pub resubmit: u64,
    /// Capability record of the running driver.
    pub running: [u64; 8],
    /// Capability records that the sessions were told.
    pub told: [[u64; 8]; MAX_SESSIONS],
    /// Configuration.
    pub journal: Journal,
    /// The report that stood in the page when the side was attached.
    pub stale: DriverReport,
}

/// The running driver's record is valid.
pub const FLAG_RECORD: u32 = 1;
/// Something that a session was told of is missing in the running driver.
pub const FLAG_DEGRADED: u32 = 1 << 1;
/// A client may have changed what was learnt.
pub const FLAG_UNLEARNT: u32 = 1 << 2;
/// What must be known of the device is being read.
pub const FLAG_LEARNING: u32 = 1 << 3;
/// The driver broke the rules.
pub const FLAG_BROKEN: u32 = 1 << 4;
/// The client gap is being measured.
pub const FLAG_MEASURING: u32 = 1 << 5;
/// No driver has served since patience ended.
pub const FLAG_GONE: u32 = 1 << 6;

/// Figures that outlive the shadow, CNTPCT and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The last request handed to a driver.
    pub handed: u64,
    /// The last completion of the gap that is measured.
    pub last: u64,
    /// The longest gap.
    pub longest: u64,
    /// Completions.
    pub completions: u64,
}

/// One request, as it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it goes to a driver.
    pub request: [u64; REQUEST_WORDS],
    /// Order of acceptance.
    pub order: u64,
    /// Session, or [`OWN_SESSION`](crate::tracker::OWN_SESSION).
    pub session: u32,
    /// The client's name for it.
    pub client_id: u32,
    /// Which entry of the client's ring it was, counted without end.
    pub position: u32,
}

impl Entry {
    /// The request.
    pub fn read<T: Wire>(&self) -> T {
        const { assert!(size_of::<T>() <= REQUEST_WORDS * 8) }
        match T::read_from_prefix(self.request.as_bytes()) {
            Ok((request, _)) => request,
            Err(_) => T::new_zeroed(),
        }
    }
}

/// Where an answer went, and where it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Entry of our ring to the client; `None`: the client hears nothing of it.
    pub told: Option<u16>,
    /// Entry of the driver's ring; `None`: we answered ourselves.
    pub heard: Option<u16>,
}

const LIVE: usize = 0;
const HEARD: usize = 1;
const HANDED: usize = 2;
const LAST: usize = 3;
const LONGEST: usize = 4;
const COMPLETIONS: usize = 5;
const VERSION: usize = 6;
const CURSORS: usize = 7;
/// As the cursors, of the links for deliveries.
const DELIVERIES: usize = CURSORS + MAX_SESSIONS;
const SNAPSHOTS: usize = DELIVERIES + MAX_SESSIONS;
const SNAPSHOT_WORDS: usize = size_of::<Snapshot>() / 8;
const ENTRIES: usize = SNAPSHOTS + 2 * SNAPSHOT_WORDS;
const ENTRY_WORDS: usize = REQUEST_WORDS + 4;
/// Of an entry: order and session, name and position, place in the driver's ring, answer.
const ORDER: usize = REQUEST_WORDS;
const ORIGIN: usize = ORDER + 1;
const PLACE: usize = ORDER + 2;
const ANSWER: usize = ORDER + 3;

/// Words of one slot.
pub const SLOT_WORDS: usize = ENTRIES + CAPACITY * ENTRY_WORDS;

const _: () = assert!(size_of::<Snapshot>().is_multiple_of(8) && MAX_SESSIONS <= 8);

const ANSWERED: u64 = 1 << 63;
const TOLD: u64 = 1 << 62;
const FROM_DRIVER: u64 = 1 << 61;
/// Session bits of the order word.
const SESSION_BITS: u32 = 8;
const SESSION_MASK: u64 = (1 << SESSION_BITS) - 1;

/// Entries of a generation's ring that are dealt with.
#[inline]
fn heard_word(generation: u32, head: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(head)
}

/// Where a request stands in a generation's ring.
#[inline]
fn place_word((generation, position): (u32, u32)) -> u64 {
    u64::from(generation) << 32 | u64::from(position)
}

/// The words of one slot.
#[derive(Clone, Copy, Debug)]
pub struct Ledger<R> {
    region: R,
}

impl<R: Region> Ledger<R> {
    /// The ledger in these words.
    pub fn new(region: R) -> Self {
        Self { region }
    }

    #[inline]
    fn load(&self, at: usize) -> u64 {
        self.region.load(at)
    }
    #[inline]
    fn store(&self, at: usize, value: u64) {
        self.region.store(at, value);
    }
    #[inline]
    fn entry_at(index: usize) -> usize {
        ENTRIES + index % CAPACITY * ENTRY_WORDS
    }
    #[inline]
    fn cursor_at(session: u32) -> usize {
        CURSORS + session as usize % MAX_SESSIONS
    }

    /// What is known of a request, before it is live; `place` as in [`place`](Self::place), generation 0 if it is not in a driver's ring.
    #[inline(always)] // Once per request; the other caller is rare.
    pub fn describe(&self, index: usize, entry: &Entry, place: (u32, u32)) {
        let session = u64::from(entry.session) & SESSION_MASK;
        let mut words = [0; ENTRY_WORDS];
        words[..REQUEST_WORDS].copy_from_slice(&entry.request);
        words[ORDER] = entry.order << SESSION_BITS | session;
        words[ORIGIN] = u64::from(entry.client_id) << 32 | u64::from(entry.position);
        words[PLACE] = place_word(place);
        self.region.store_run(Self::entry_at(index), words);
    }

    /// Requests that were described are accepted, and live with these others; `taken` is their session and that session's cursor
    /// behind the last.
    #[inline]
    pub fn accept(&self, live: u64, taken: Option<(u32, u64)>) {
        self.store(LIVE, live);
        if let Some((session, cursor)) = taken {
            self.store(Self::cursor_at(session), cursor);
        }
    }

    /// What was written of a request. Its session is as `admit` had it in the low 8 bits, all ones for the shadow itself.
    pub fn entry(&self, index: usize) -> Entry {
        let at = Self::entry_at(index);
        let (order, origin) = (self.load(at + ORDER), self.load(at + ORIGIN));
        let session = (order & SESSION_MASK) as u32;
        Entry {
            request: core::array::from_fn(|offset| self.load(at + offset)),
            order: order >> SESSION_BITS,
            session: if u64::from(session) == SESSION_MASK {
                u32::MAX
            } else {
                session
            },
            client_id: (origin >> 32) as u32,
            position: origin as u32,
        }
    }

    /// The live requests.
    pub fn live(&self) -> u64 {
        self.load(LIVE)
    }

    /// It stands in the ring of a generation's driver as entry `position`, whether published or not.
    #[inline]
    pub fn place(&self, index: usize, generation: u32, position: u32) {
        self.store(Self::entry_at(index) + PLACE, place_word((generation, position)));
    }

    /// Generation (0: none) and entry of its ring.
    pub fn placed(&self, index: usize) -> (u32, u32) {
        let word = self.load(Self::entry_at(index) + PLACE);
        ((word >> 32) as u32, word as u32)
    }

    /// It is answered, and from here on will not be done again: the answer is this entry of our ring to its client, and was this
    /// entry of the driver's. [`follow`](Self::follow) comes after it.
    #[inline(always)] // Once per request; the other caller is rare.
    pub fn decide(&self, index: usize, told: Option<u32>, heard: Option<u32>) {
        let word = ANSWERED
            | told.map_or(0, |at| TOLD | u64::from(at as u16))
            | heard.map_or(0, |at| FROM_DRIVER | u64::from(at as u16) << 16);
        self.store(Self::entry_at(index) + ANSWER, word);
    }

    /// Behind requests that are answered: the session that hears of it and its cursor, what was dealt with of a generation's ring,
    /// and the requests that are still live.
    #[inline]
    pub fn follow(&self, told: Option<(u32, u64)>, heard: Option<(u32, u32)>, live: u64) {
        if let Some((session, cursor)) = told {
            self.set_cursor(session, cursor);
        }
        if let Some((generation, head)) = heard {
            self.set_heard(generation, head);
        }
        self.store(LIVE, live);
    }

    /// How it was answered, if it was.
    pub fn answered(&self, index: usize) -> Option<Answered> {
        let word = self.load(Self::entry_at(index) + ANSWER);
        let part = |bit, shift: u32| (word & bit != 0).then_some((word >> shift) as u16);
        (word & ANSWERED != 0).then(|| Answered {
            told: part(TOLD, 0),
            heard: part(FROM_DRIVER, 16),
        })
    }

    /// These are live, no others.
    #[inline]
    pub fn keep_live(&self, live: u64) {
        self.store(LIVE, live);
    }

    /// How far a session's link is dealt with.
    #[inline]
    pub fn set_cursor(&self, session: u32, cursor: u64) {
        self.store(Self::cursor_at(session), cursor);
    }
    /// See [`set_cursor`](Self::set_cursor).
    pub fn cursor(&self, session: u32) -> u64 {
        self.load(Self::cursor_at(session))
    }

    /// How far a session's link for deliveries is dealt with.
    #[inline]
    pub fn set_delivered(&self, session: u32, cursor: u64) {
        self.store(DELIVERIES + session as usize % MAX_SESSIONS, cursor);
    }
    /// See [`set_delivered`](Self::set_delivered).
    pub fn delivered(&self, session: u32) -> u64 {
        self.load(DELIVERIES + session as usize % MAX_SESSIONS)
    }

    /// Entries of this generation's ring that are dealt with.
    #[inline]
    pub fn set_heard(&self, generation: u32, head: u32) {
        self.store(HEARD, heard_word(generation, head));
    }
    /// See [`set_heard`](Self::set_heard); `None`: nothing of this generation's.
    pub fn heard(&self, generation: u32) -> Option<u32> {
        let word = self.load(HEARD);
        (generation != 0 && (word >> 32) as u32 == generation).then_some(word as u32)
    }

    /// When a request was last handed to a driver.
    #[inline]
    pub fn set_handed(&self, ticks: u64) {
        self.store(HANDED, ticks);
    }
    /// The gap so far. Torn it is too long, never too short.
    pub fn set_gap(&self, last: u64, longest: u64, completions: u64) {
        self.store(LONGEST, longest);
        self.store(COMPLETIONS, completions);
        self.store(LAST, last);
    }
    /// All figures.
    pub fn figures(&self) -> Figures {
        Figures {
            handed: self.load(HANDED),
            last: self.load(LAST),
            longest: self.load(LONGEST),
            completions: self.load(COMPLETIONS),
        }
    }

    /// From the last store on this is the snapshot.
    pub fn commit(&self, snapshot: &Snapshot) {
        let version = self.load(VERSION).wrapping_add(1);
        let at = Self::snapshot_at(version);
        for (offset, word) in snapshot.as_bytes().as_chunks::<8>().0.iter().enumerate() {
            self.store(at + offset, u64::from_ne_bytes(*word));
        }
        self.store(VERSION, version);
    }

    /// The snapshot.
    pub fn snapshot(&self) -> Snapshot {
        let at = Self::snapshot_at(self.load(VERSION));
        let mut snapshot = Snapshot::new_zeroed();
        for (offset, word) in snapshot
            .as_mut_bytes()
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .enumerate()
        {
            *word = self.load(at + offset).to_ne_bytes();
        }
        snapshot
    }

    fn snapshot_at(version: u64) -> usize {
        SNAPSHOTS + (version & 1) as usize * SNAPSHOT_WORDS
    }

    /// Nothing live, nothing known.
    pub fn clear(&self) {
        (0..SLOT_WORDS).for_each(|at| self.store(at, 0));
    }
}

/// For the model checker: all that a successor may go on from. What is left of requests that are live no more, and of the snapshot that
/// is not valid, is written before it is read; figures only end in a report; of orders only which is earlier counts.
#[cfg(feature = "model")]
impl<R: Region> Ledger<R> {
    /// Tell it from others.
    pub fn hash_kept<H: core::hash::Hasher>(&self, state: &mut H) {
        use core::hash::Hash;
        let live = self.live();
        (live, self.load(HEARD), self.load(HANDED)).hash(state);
        (CURSORS..SNAPSHOTS).for_each(|at| self.load(at).hash(state));
        self.snapshot().as_bytes().hash(state);
        let mut indices: heapless::Vec<usize, CAPACITY> =
            (0..CAPACITY).filter(|index| live >> index & 1 != 0).collect();
        indices.sort_unstable_by_key(|&index| self.entry(index).order);
        for index in indices {
            let at = Self::entry_at(index);
            let entry = self.entry(index);
            (index, entry.request, entry.session).hash(state);
            (ORIGIN..=ANSWER).for_each(|word| self.load(at + word).hash(state));
        }
    }
}
