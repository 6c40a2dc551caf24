//! Requests accepted and not answered.
//!
//! A fixed table in the state region. Every live request is *sent* (the driver has it), *held* (it waits for earlier requests
//! that it conflicts with), or else *ready* (it may be handed over). Sets are bit masks over the table, so a pass over one
//! costs what is in it.

use heapless::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Wire, ledger};

/// Requests of a slot that can be live.
pub const CAPACITY: usize = 64;
/// The entry of the request that a device is learnt by. Clients never get it, nor what else a class keeps for the shadow's
/// own requests ([`Class::STANDING`](crate::Class::STANDING)); `own` below is the set of all those.
pub const OWN: usize = CAPACITY - 1;
/// Session number of the shadow's own requests.
pub const OWN_SESSION: u32 = u32::MAX;
/// Words of a request, at most.
pub const REQUEST_WORDS: usize = 5;
/// Low bits of a tag: index in the table.
const INDEX_BITS: u32 = CAPACITY.trailing_zeros();

/// One live request.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Entry {
    request: [u64; REQUEST_WORDS],
    /// Order of acceptance.
    order: u64,
    /// CNTPCT when it was last handed to a driver.
    since: u64,
    /// Held: entries that must be answered first.
    blockers: u64,
    /// The client's name for it.
    pub client_id: u32,
    /// Name towards the driver: index, and above that its place in the driver's ring, which makes a second answer to it
    /// recognisable.
    tag: u32,
    /// Session it belongs to, or [`OWN_SESSION`].
    pub session: u32,
    /// Keeps the size a multiple of 8.
    reserved: u32,
}

/// The table.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tracker {
    live: u64,
    /// Of the live ones.
    sent: u64,
    /// Of the live ones, none that is sent.
    held: u64,
    order: u64,
    entries: [Entry; CAPACITY],
}

/// A request as words, the rest zeroes.
#[inline]
pub(crate) fn words<R: Wire>(request: &R) -> [u64; REQUEST_WORDS] {
    const { assert!(size_of::<R>() <= REQUEST_WORDS * 8) }
    const { assert!(size_of::<R>().is_multiple_of(8)) }
    let mut words = [0; REQUEST_WORDS];
    // One copy of known length, so that what was computed in registers need not go through memory.
    words.as_mut_bytes()[..size_of::<R>()].copy_from_slice(request.as_bytes());
    words
}

/// Members of a set, lowest index first.
fn members(mut set: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let index = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (index < CAPACITY).then_some(index)
    })
}

impl Entry {
    /// CNTPCT when it was last handed to a driver.
    #[inline]
    pub fn since(&self) -> u64 {
        self.since
    }
}

impl Tracker {
    /// Entry of a live request.
    #[inline]
    pub fn entry(&self, index: usize) -> &Entry {
        &self.entries[index % CAPACITY]
    }

    /// The request as it goes to a driver.
    #[inline]
    pub fn request<R: Wire>(&self, index: usize) -> R {
        const { assert!(size_of::<R>() <= REQUEST_WORDS * 8) }
        let words = &self.entry(index).request;
        match R::read_from_prefix(words.as_bytes()) {
            Ok((request, _)) => request,
            Err(_) => R::new_zeroed(),
        }
    }

    /// The driver has these.
    #[inline]
    pub fn sent(&self) -> u64 {
        self.sent
    }
    /// These may be handed over.
    #[inline]
    pub fn ready(&self) -> u64 {
        self.live & !(self.sent | self.held)
    }
    /// These wait for others.
    #[inline]
    pub fn held(&self) -> u64 {
        self.held
    }
    /// All of them.
    #[inline]
    pub fn live(&self) -> u64 {
        self.live
    }
    /// Entries left for clients' requests.
    #[inline]
    pub fn vacancies(&self, own: u64) -> u32 {
        self.vacant(own).count_ones()
    }
    /// No entry is left for a client's request.
    #[inline]
    pub fn is_full(&self, own: u64) -> bool {
        self.live() | own == u64::MAX
    }

    /// Entries left for clients' requests.
    #[inline]
    pub fn vacant(&self, own: u64) -> u64 {
        !(self.live | own)
    }
    /// Order of the request that was accepted last.
    #[inline]
    pub fn order(&self) -> u64 {
        self.order
    }

    /// One of `candidates` has this name of its client's.
    pub fn knows(&self, candidates: u64, client_id: u32) -> bool {
        members(candidates & self.live()).any(|index| self.entries[index].client_id == client_id)
    }

    /// Of `candidates`, the requests that must be answered before `request` may begin.
    pub fn blockers<R: Wire>(&self, candidates: u64, request: &R, conflicts: fn(&R, &R) -> bool) -> u64 {
        members(candidates & self.live())
            .filter(|&index| conflicts(&self.request(index), request))
            .fold(0, |set, index| set | 1 << index)
    }

    /// Take a client's request; `None` if there is no vacancy.
    #[inline]
    pub fn admit<R: Wire>(
        &mut self,
        own: u64,
        request: &R,
        session: u32,
        client_id: u32,
        blockers: u64,
    ) -> Option<usize> {
        let index = self.vacant(own).trailing_zeros() as usize;
        if index >= CAPACITY {
            return None;
        }
        self.enter(index, request, session, client_id, blockers);
        Some(index)
    }

    /// Take a request of the shadow itself into this entry. False: there is one.
    #[inline]
    pub fn admit_own<R: Wire>(&mut self, index: usize, request: &R) -> bool {
        let vacant = self.live() & (1 << index) == 0;
        if vacant {
            self.enter(index, request, OWN_SESSION, 0, 0);
        }
        vacant
    }

    #[inline]
    fn enter<R: Wire>(&mut self, index: usize, request: &R, session: u32, client_id: u32, blockers: u64) {
        self.order = self.order.wrapping_add(1);
        let entry = &mut self.entries[index];
        entry.request = words(request);
        entry.order = self.order;
        entry.client_id = client_id;
        entry.session = session;
        entry.blockers = blockers;
        self.live |= 1 << index;
        if blockers != 0 {
            self.held |= 1 << index;
        }
    }

    /// The tag of a request that is entry `position` of the driver's ring.
    #[inline]
    pub fn tag(index: usize, position: u32) -> u32 {
        position << INDEX_BITS | index as u32
    }

    /// It was handed over as entry `position` of the driver's ring.
    #[inline]
    pub fn handed(&mut self, index: usize, position: u32, now: u64) {
        let entry = &mut self.entries[index % CAPACITY];
        entry.tag = Self::tag(index, position);
        entry.since = now;
        self.sent |= 1 << index;
    }

    /// Write a request into a vacant entry, and that it was handed over as entry `position` of the driver's ring.
    /// [`enter_sent`](Self::enter_sent) makes it live.
    #[inline]
    pub fn put_sent(&mut self, index: usize, kept: &ledger::Entry, position: u32, now: u64) {
        self.entries[index % CAPACITY] = Entry {
            request: kept.request,
            order: kept.order,
            since: now,
            blockers: 0,
            client_id: kept.client_id,
            tag: Self::tag(index, position),
            session: kept.session,
            reserved: 0,
        };
    }

    /// Requests that were put are live, and with the driver; the last of them has this order.
    #[inline]
    pub fn enter_sent(&mut self, set: u64, order: u64) {
        self.order = order;
        self.live |= set;
        self.sent |= set;
    }

    /// Enter what a predecessor accepted, in the order in which it did; it is not handed over.
    pub fn restore<R: Wire>(&mut self, index: usize, kept: &ledger::Entry, request: &R, blockers: u64) {
        let index = index % CAPACITY;
        self.enter(index, request, kept.session, kept.client_id, blockers);
        // Those to come are later than all there are.
        self.entries[index].order = kept.order;
        self.order = self.order.max(kept.order);
    }

    /// The request that was accepted last, as a successor must find it; `position` is its entry in the client's ring.
    #[inline]
    pub fn kept<R: Wire>(&self, request: &R, session: u32, client_id: u32, position: u32) -> ledger::Entry {
        ledger::Entry {
            request: words(request),
            order: self.order,
            session,
            client_id,
            position,
        }
    }

    /// The request a driver means by a tag; `None` if it does not have it, or not any more.
    #[inline]
    pub fn find(&self, tag: u32) -> Option<usize> {
        let index = tag as usize % CAPACITY;
        (self.sent & (1 << index) != 0 && self.entries[index].tag == tag).then_some(index)
    }

    /// The request is answered. Requests that waited for it alone become ready.
    #[inline]
    pub fn finish(&mut self, index: usize) {
        self.finish_all(1 << index);
    }

    /// The same for several.
    #[inline]
    pub fn finish_all(&mut self, set: u64) {
        self.live &= !set;
        self.sent &= !set;
        if self.held != 0 {
            self.release(set);
        }
    }

    #[cold]
    fn release(&mut self, answered: u64) {
        self.held &= !answered;
        for index in members(self.held) {
            let entry = &mut self.entries[index];
            entry.blockers &= !answered;
            if entry.blockers == 0 {
                self.held &= !(1 << index);
            }
        }
    }

    /// The driver has nothing any more (its generation is gone): all it had is ready again.
    pub fn recall(&mut self) {
        self.sent = 0;
    }

    /// Members of `set` in the order of their acceptance.
    pub fn in_order(&self, set: u64) -> Vec<u8, CAPACITY> {
        let mut indices: Vec<u8, CAPACITY> = members(set).map(|index| index as u8).collect();
        indices.sort_unstable_by_key(|&index| self.entries[usize::from(index) % CAPACITY].order);
        indices
    }

    /// All that counts: the live requests in their order.
    #[cfg(feature = "model")]
    pub(crate) fn hash_live<H: core::hash::Hasher>(&self, state: &mut H) {
        use core::hash::Hash;
        (self.live, self.sent, self.held).hash(state);
        for index in self.in_order(self.live()) {
            let entry = self.entry(usize::from(index));
            (index, entry.request, entry.since, entry.blockers).hash(state);
            (entry.client_id, entry.tag, entry.session).hash(state);
        }
    }

    /// When the request that the driver has had longest was handed over, but for those in `standing`.
    pub fn oldest_sent(&self, standing: u64) -> Option<u64> {
        members(self.sent & !standing)
            .map(|index| self.entries[index].since)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    /// One entry of the shadow's own.
    const ONE: u64 = 1 << OWN;

    fn tracker() -> Tracker {
        Tracker::new_zeroed()
    }
    fn same(a: &u64, b: &u64) -> bool {
        a == b
    }

    #[test]
    fn second_answer_to_a_request_finds_nothing() {
        let mut tracker = tracker();
        let index = tracker.admit(ONE, &7u64, 0, 70, 0).unwrap();
        let tag = Tracker::tag(index, 0);
        assert_eq!(tracker.find(tag), None, "not handed over yet");
        tracker.handed(index, 0, 1);
        assert_eq!(tracker.find(tag), Some(index));
        tracker.finish(index);
        assert_eq!(tracker.find(tag), None);
        let again = tracker.admit(ONE, &8u64, 0, 71, 0).unwrap();
        tracker.handed(again, 1, 2);
        assert_eq!(
            (again, tracker.find(tag)),
            (index, None),
            "the entry is reused, the tag is not"
        );
    }

    #[test]
    fn clients_leave_the_shadows_own_entry_alone() {
        let mut tracker = tracker();
        let own = 0xff << (CAPACITY - 8);
        for n in 0..CAPACITY as u64 - 8 {
            assert!(tracker.admit(own, &n, 0, 0, 0).is_some());
        }
        assert_eq!((tracker.is_full(own), tracker.vacancies(own)), (true, 0));
        assert_eq!(tracker.admit(own, &99u64, 0, 0, 0), None);
        for index in CAPACITY - 8..CAPACITY {
            assert!(tracker.admit_own(index, &1u64) && !tracker.admit_own(index, &1u64));
        }
        assert_eq!(tracker.live(), u64::MAX);
        assert_eq!(tracker.admit(0, &99u64, 0, 0, 0), None);
    }

    #[test]
    fn held_request_waits_for_all_its_blockers() {
        let mut tracker = tracker();
        let first = tracker.admit(ONE, &5u64, 0, 0, 0).unwrap();
        let second = tracker.admit(ONE, &5u64, 0, 1, 1 << first).unwrap();
        let blockers = tracker.blockers(u64::MAX, &5u64, same);
        assert_eq!(blockers, 1 << first | 1 << second);
        let third = tracker.admit(ONE, &5u64, 0, 2, blockers).unwrap();
        tracker.handed(first, 0, 0);
        tracker.finish(first);
        assert_eq!((tracker.ready(), tracker.held()), (1 << second, 1 << third));
        tracker.finish(second);
        assert_eq!((tracker.ready(), tracker.held()), (1 << third, 0));
    }

    #[test]
    fn recall_keeps_the_order_of_acceptance() {
        let mut tracker = tracker();
        let all: std::vec::Vec<usize> = (0..6u64)
            .map(|n| tracker.admit(ONE, &n, 0, 0, 0).unwrap())
            .collect();
        for &index in all.iter().rev() {
            tracker.handed(index, index as u32, 0);
        }
        tracker.finish(all[2]);
        let late = tracker.admit(ONE, &9u64, 0, 0, 0).unwrap();
        assert_eq!(late, all[2]);
        tracker.recall();
        let order: std::vec::Vec<u64> = tracker
            .in_order(tracker.ready())
            .iter()
            .map(|&i| tracker.request(i.into()))
            .collect();
        assert_eq!(order, [0, 1, 3, 4, 5, 9]);
    }
}
