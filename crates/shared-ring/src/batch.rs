//! Several entries at a time: what a loop over a ring changes of its link is at hand, and written back when the loop is over.

use core::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::CAPACITY;
use crate::link::{read_entry, write_entry};
use crate::page::Page;

/// Entries that have come in. Made by [`Link::inbox`](crate::Link::inbox).
pub struct Inbox<'l, Rx, P> {
    peer: &'l P,
    link: &'l mut u32,
    head: u32,
    tail: u32,
    entries: PhantomData<fn() -> Rx>,
}

/// Room for entries. Made by [`Link::outbox`](crate::Link::outbox).
pub struct Outbox<'l, Tx, P> {
    own: &'l P,
    link: &'l mut u32,
    tail: u32,
    /// The tail at which the ring is full.
    end: u32,
    entries: PhantomData<fn(Tx)>,
}

impl<'l, Rx: FromBytes, P: Page> Inbox<'l, Rx, P> {
    /// `tail` was checked: no more than fit are ahead of the head.
    #[inline]
    pub(crate) fn new(peer: &'l P, head: &'l mut u32, tail: u32) -> Self {
        Self {
            peer,
            head: *head,
            link: head,
            tail,
            entries: PhantomData,
        }
    }

    /// A copy of the next entry, which stays until [`take`](Self::take). Each copy is read anew: decide by one of them.
    #[inline]
    pub fn peek(&self) -> Option<Rx> {
        if self.head == self.tail {
            return None;
        }
        read_entry(self.peer, self.head)
    }

    /// Sees at most so many of them.
    #[inline]
    #[must_use]
    pub fn at_most(mut self, count: u32) -> Self {
        // The tail is ahead of the head, or there.
        if self.tail.wrapping_sub(self.head) > count {
            self.tail = self.head.wrapping_add(count);
        }
        self
    }

    /// How many they are.
    #[inline]
    pub fn len(&self) -> u32 {
        self.tail.wrapping_sub(self.head)
    }

    /// There are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// The next entry was dealt with.
    #[inline]
    pub fn take(&mut self) {
        if self.head != self.tail {
            self.head = self.head.wrapping_add(1);
        }
    }

    /// Entries taken so far at this end, mod 2^32.
    #[inline]
    pub fn head(&self) -> u32 {
        self.head
    }
}

impl<Rx, P> Drop for Inbox<'_, Rx, P> {
    #[inline]
    fn drop(&mut self) {
        *self.link = self.head;
    }
}

impl<'l, Tx: IntoBytes + Immutable, P: Page> Outbox<'l, Tx, P> {
    /// `peer_head` was checked.
    #[inline]
    pub(crate) fn new(own: &'l P, tail: &'l mut u32, peer_head: u32) -> Self {
        Self {
            own,
            tail: *tail,
            link: tail,
            end: peer_head.wrapping_add(CAPACITY),
            entries: PhantomData,
        }
    }

    /// Entries sent so far at this end, mod 2^32: the number of the next one.
    #[inline]
    pub fn tail(&self) -> u32 {
        self.tail
    }

    /// Nothing can be sent, as far as is known.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.tail == self.end
    }

    /// Put an entry into the ring, as [`Link::send`](crate::Link::send). False, and nothing was sent: the ring is full.
    #[inline]
    #[must_use]
    pub fn send(&mut self, entry: &Tx) -> bool {
        if self.is_full() {
            return false;
        }
        write_entry(self.own, self.tail, entry);
        self.tail = self.tail.wrapping_add(1);
        true
    }
}

impl<Tx, P> Drop for Outbox<'_, Tx, P> {
    #[inline]
    fn drop(&mut self) {
        *self.link = self.tail;
    }
}

#[cfg(test)]
mod tests {
    use crate::page::HostPage;
    use crate::{CAPACITY, Link, Violation};

    type End = Link<u64, u64, HostPage>;

    fn pair() -> (End, End, HostPage) {
        let pages = [HostPage::zeroed(), HostPage::zeroed()];
        let one = End::over(pages[0].clone(), pages[1].clone());
        (
            one,
            End::over(pages[1].clone(), pages[0].clone()),
            pages[0].clone(),
        )
    }

    #[test]
    fn what_is_sent_at_a_time_comes_in_at_a_time() {
        let (mut one, mut other, _) = pair();
        for round in 0..5 {
            let mut outbox = one.outbox();
            assert_eq!(outbox.tail(), round * CAPACITY);
            assert!((0..CAPACITY).all(|n| outbox.send(&n.into())));
            assert!(outbox.is_full() && !outbox.send(&99));
            drop(outbox);
            assert!(other.inbox().unwrap().peek().is_none(), "not published");
            let _ = one.publish();
            let mut inbox = other.inbox().unwrap();
            for n in 0..CAPACITY - 1 {
                assert_eq!(inbox.peek(), Some(n.into()));
                assert_eq!(inbox.peek(), Some(n.into()), "it stays");
                inbox.take();
            }
            drop(inbox);
            assert_eq!(other.recv(), Ok(Some(u64::from(CAPACITY) - 1)));
            other.inbox().unwrap().take();
            assert_eq!(
                other.cursor() as u32,
                (round + 1) * CAPACITY,
                "nothing was there to take"
            );
            let _ = other.publish();
            assert_eq!(one.space(), Ok(CAPACITY));
        }
    }

    #[test]
    fn part_of_what_came_in_can_be_taken_at_a_time() {
        let (mut one, mut other, _) = pair();
        for n in 0..5 {
            one.send(&n).unwrap();
        }
        let _ = one.publish();
        for (most, left) in [(0, 5), (3, 5), (9, 2), (9, 0)] {
            let mut inbox = other.inbox().unwrap().at_most(most);
            assert_eq!(
                (inbox.len(), inbox.is_empty()),
                (most.min(left), most.min(left) == 0)
            );
            while let Some(entry) = inbox.peek() {
                assert_eq!(entry, u64::from(inbox.head()));
                inbox.take();
            }
        }
        assert_eq!(other.cursor() as u32, 5);
    }

    #[test]
    fn forged_tail_is_found() {
        use crate::page::Page;
        let (_, mut other, page) = pair();
        page.store32(crate::TAIL, CAPACITY + 1, core::sync::atomic::Ordering::Relaxed);
        assert!(matches!(other.inbox().err(), Some(Violation::Tail { .. })));
    }
}
