//! What was sent and received is made known.

use core::sync::atomic::Ordering::{Relaxed, Release};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Link;
use crate::page::Page;
use crate::{ASLEEP, ASLEEP_FOR_ENTRIES, HEAD, TAIL};

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Link<Tx, Rx, P> {
    /// Something was sent that the peer does not see yet.
    #[inline]
    pub fn has_unpublished(&self) -> bool {
        self.tail != self.published_tail
    }

    /// Make known what was sent and received since the last time. True: the peer sleeps and must be notified.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish(&mut self) -> bool {
        let sent = self.tail != self.published_tail;
        let freed = self.head != self.published_head;
        if !sent && !freed {
            return false;
        }
        // Release: the reads of entries before the head, the entries before the tail. The head comes first: who sees an
        // answer sees the space its request took free again.
        if freed {
            self.show_head();
        }
        if sent {
            self.show_tail();
        }
        self.is_awaited(sent)
    }

    /// Make known what was sent since the last time. What was received the next [`publish`](Self::publish) makes known, for
    /// whoever does not know that there is nothing. True: the peer sleeps and must be notified.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish_sent(&mut self) -> bool {
        self.show_tail();
        self.is_awaited(true)
    }

    /// The same for what was received.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish_received(&mut self) -> bool {
        self.show_head();
        self.is_awaited(false)
    }

    #[inline]
    fn show_head(&mut self) {
        self.published_head = self.head;
        self.own.store32(HEAD, self.published_head, Release);
    }

    #[inline]
    fn show_tail(&mut self) {
        self.published_tail = self.tail;
        self.own.store32(TAIL, self.published_tail, Release);
    }

    /// The peer sleeps, and wants to hear of what was made known; `sent`: entries were.
    #[inline]
    fn is_awaited(&self, sent: bool) -> bool {
        // The indices before the flag, as the sleeper has its flag before the indices: one of us sees the other.
        P::fence();
        match self.peer.load32(ASLEEP, Relaxed) {
            0 => false,
            ASLEEP_FOR_ENTRIES => sent,
            _ => true,
        }
    }
}
