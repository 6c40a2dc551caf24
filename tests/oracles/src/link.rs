//! Whatever a peer writes into its page: an end takes no entry that it had not room for, sends none over one that was not
//! consumed, and says so when the peer's indices are impossible.
//!
//! Input: steps of an end (receive, send, publish, sleep) and stores of the peer, a few bytes each.

use core::sync::atomic::Ordering::Relaxed;

use device_class::block::{BlockRequest, BlockResponse};
use shared_ring::page::{HostPage, Page};
use shared_ring::{CAPACITY, ENTRIES, HEAD, Link, SendError, TAIL, Wish};
use zerocopy::IntoBytes;

type End = Link<BlockResponse, BlockRequest, HostPage>;

/// See the module.
pub fn link(bytes: &[u8]) {
    let (own, peer) = (HostPage::zeroed(), HostPage::zeroed());
    let mut test = Test {
        end: Link::over(own.clone(), peer.clone()),
        own,
        peer,
        received: 0,
        peer_tail: 0,
        sent: 0,
        published: 0,
        peer_head: 0,
    };
    let mut bytes = bytes.iter().copied();
    while test.step(&mut bytes).is_some() {}
}

/// An end, and what it may believe: its own counts, and the last possible ones that the peer claimed when it was looked at.
struct Test {
    end: End,
    own: HostPage,
    peer: HostPage,
    received: u32,
    peer_tail: u32,
    sent: u32,
    published: u32,
    peer_head: u32,
}

impl Test {
    fn step(&mut self, input: &mut impl Iterator<Item = u8>) -> Option<()> {
        match input.next()? % 10 {
            0 => self.receive(),
            1 => self.send(),
            2 => {
                let _ = self.end.publish();
                self.published = self.sent;
                assert_eq!(self.own.load32(TAIL, Relaxed), self.sent);
                assert_eq!(self.own.load32(HEAD, Relaxed), self.received);
            }
            3 => {
                let fair = self.look_at_tail();
                let quiet = self.end.sleep_for(Wish::Entries);
                assert_eq!(quiet.ok(), fair.then_some(self.peer_tail == self.received));
            }
            4 => {
                let fair = self.look_at_head();
                let room = CAPACITY - self.sent.wrapping_sub(self.peer_head);
                assert_eq!(self.end.space().ok(), fair.then_some(room));
            }
            5 => self.peer.store32(TAIL, word(input)?, Relaxed),
            6 => self.peer.store32(HEAD, word(input)?, Relaxed),
            7 => self.claim(TAIL, u32::from(input.next()?) / 3),
            8 => self.claim(HEAD, u32::from(input.next()?) / 3),
            _ => {
                let offset = ENTRIES + usize::from(input.next()?) * 8;
                self.peer.store8(offset, input.next()?);
            }
        }
        Some(())
    }

    /// The peer moves one of its indices.
    fn claim(&mut self, index: usize, by: u32) {
        let old = self.peer.load32(index, Relaxed);
        self.peer.store32(index, old.wrapping_add(by), Relaxed);
    }

    /// A tail is possible if it takes nothing back and no more than fits was produced.
    fn look_at_tail(&mut self) -> bool {
        let tail = self.peer.load32(TAIL, Relaxed);
        let (known, claimed) = (
            self.peer_tail.wrapping_sub(self.received),
            tail.wrapping_sub(self.received),
        );
        let fair = (known..=CAPACITY).contains(&claimed);
        if fair {
            self.peer_tail = tail;
        }
        fair
    }

    /// A head is possible if it takes nothing back and nothing was consumed that was not published.
    fn look_at_head(&mut self) -> bool {
        let head = self.peer.load32(HEAD, Relaxed);
        let fair = head.wrapping_sub(self.peer_head) <= self.published.wrapping_sub(self.peer_head);
        if fair {
            self.peer_head = head;
        }
        fair
    }

    fn receive(&mut self) {
        let fair = self.received != self.peer_tail || self.look_at_tail();
        let entry = match self.end.recv() {
            Ok(entry) => entry,
            Err(_) => return assert!(!fair, "a fair peer is blamed"),
        };
        assert!(fair, "an impossible index is believed");
        assert_eq!(entry.is_some(), self.received != self.peer_tail);
        if let Some(request) = entry {
            let offset = ENTRIES + (self.received % CAPACITY) as usize * size_of::<BlockRequest>();
            for (at, byte) in request.as_bytes().iter().enumerate() {
                assert_eq!(*byte, self.peer.load8(offset + at));
            }
            self.received = self.received.wrapping_add(1);
        }
    }

    fn send(&mut self) {
        let full = |test: &Self| test.sent.wrapping_sub(test.peer_head) == CAPACITY;
        let fair = !full(self) || self.look_at_head();
        let response = BlockResponse {
            id: self.sent,
            ..BlockResponse::default()
        };
        match self.end.send(&response) {
            Ok(()) => {
                assert!(
                    fair && !full(self),
                    "an entry is overwritten that was not consumed"
                );
                self.sent = self.sent.wrapping_add(1);
            }
            Err(SendError::Full) => assert!(fair && full(self), "there is room"),
            Err(SendError::Violation(_)) => assert!(!fair, "a fair peer is blamed"),
        }
    }
}

fn word(input: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut bytes = [0; 4];
    for byte in &mut bytes {
        *byte = input.next()?;
    }
    Some(u32::from_le_bytes(bytes))
}
