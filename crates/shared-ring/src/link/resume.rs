//! An end whose program, or whose peer, starts anew.

use core::sync::atomic::Ordering::{Relaxed, Release};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{Link, entry};
use crate::page::Page;
use crate::{ASLEEP, CAPACITY, HEAD, INFO, INFO_LEN, TAIL};

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Link<Tx, Rx, P> {
    /// The end that writes `own` and reads `peer`, going on from what a predecessor at this end left in `own`. In zeroed
    /// pages that is [`over`](Self::over), so an end that may be started anew can always begin with this.
    ///
    /// Nobody else writes `own`, so its indices are believed; the peer's are checked as always, the next time they are looked
    /// at. What the predecessor did since its last [`publish`](Self::publish) is undone: entries it sent are lost, entries
    /// it took come once more. It may have died before it notified the peer: notify it once, whatever `publish` says.
    pub fn resume(own: P, peer: P) -> Self {
        let (tail, head) = (own.load32(TAIL, Relaxed), own.load32(HEAD, Relaxed));
        own.store32(ASLEEP, 0, Relaxed);
        Self {
            tail,
            published_tail: tail,
            // The oldest head that can be, so that every possible one is an advance.
            peer_head: tail.wrapping_sub(CAPACITY),
            head,
            published_head: head,
            peer_tail: head,
            ..Self::over(own, peer)
        }
    }

    /// Entries published so far at this end, mod 2^32: what a successor goes on from.
    pub fn published(&self) -> u32 {
        self.published_tail
    }

    /// Entries taken and sent so far at this end, published or not, as `head | tail << 32`: for [`advance`](Self::advance).
    #[inline]
    pub fn cursor(&self) -> u64 {
        u64::from(self.head) | u64::from(self.tail) << 32
    }

    /// After [`resume`](Self::resume), for a program that keeps the [`cursor`](Self::cursor) of its end elsewhere: what the
    /// predecessor took and sent since its last `publish` counts after all, and the next `publish` makes it known. The
    /// entries it sent stand in our page. An index that is older than the page's, or impossible, is passed over.
    pub fn advance(&mut self, cursor: u64) {
        let (head, tail) = (cursor as u32, (cursor >> 32) as u32);
        if head.wrapping_sub(self.published_head) <= CAPACITY {
            (self.head, self.peer_tail) = (head, head);
        }
        if tail.wrapping_sub(self.published_tail) <= CAPACITY {
            self.tail = tail;
        }
    }

    /// Zero our page and start anew: for a peer that starts anew with a zeroed page too.
    pub fn reset(&mut self) {
        self.own.store32(TAIL, 0, Release);
        self.own.store32(HEAD, 0, Release);
        self.own.store32(ASLEEP, 0, Release);
        entry::zero_entries(&self.own, size_of::<Tx>());
        for offset in (INFO..INFO + INFO_LEN).step_by(4) {
            self.own.store32(offset, 0, Release);
        }
        self.tail = 0;
        self.published_tail = 0;
        self.peer_head = 0;
        self.head = 0;
        self.published_head = 0;
        self.peer_tail = 0;
        self.wants_space = false;
        self.asleep = false;
    }
}
