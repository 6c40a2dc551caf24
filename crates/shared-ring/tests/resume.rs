//! An end that was started anew goes on from what its page says: nothing that was published is lost or comes twice.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use proptest::prelude::*;
use shared_ring::page::{HostPage, Page};
use shared_ring::{ASLEEP, CAPACITY, HEAD, Link, SendError, TAIL, Violation, Wish};

type End = Link<u64, u64, HostPage>;

/// Both pages, and both ends over them.
struct Pair {
    pages: [HostPage; 2],
    ends: [End; 2],
}

impl Pair {
    fn new() -> Self {
        let pages = [HostPage::zeroed(), HostPage::zeroed()];
        let end = |own: usize| Link::resume(pages[own].clone(), pages[1 - own].clone());
        let ends = [end(0), end(1)];
        Self { pages, ends }
    }

    /// The program at one end dies and is started anew.
    fn restart(&mut self, end: usize) {
        self.ends[end] = Link::resume(self.pages[end].clone(), self.pages[1 - end].clone());
    }
}

#[test]
fn zeroed_pages_are_two_empty_rings() {
    let mut pair = Pair::new();
    assert_eq!(pair.ends[0].recv(), Ok(None));
    assert_eq!(pair.ends[0].space(), Ok(CAPACITY));
    assert_eq!(pair.ends[0].sleep(), Ok(true));
}

#[test]
fn what_was_published_is_received_and_what_was_not_is_undone() {
    let mut pair = Pair::new();
    pair.ends[0].send(&1).unwrap();
    let _ = pair.ends[0].publish();
    pair.ends[0].send(&2).unwrap();
    assert_eq!(pair.ends[1].recv(), Ok(Some(1)));
    pair.restart(0);
    pair.restart(1);
    pair.ends[0].send(&3).unwrap();
    let _ = pair.ends[0].publish();
    assert_eq!(pair.ends[1].recv(), Ok(Some(1)), "taken, but not said so");
    assert_eq!(pair.ends[1].recv(), Ok(Some(3)), "2 was never published");
    let _ = pair.ends[1].publish();
    pair.restart(1);
    assert_eq!(pair.ends[1].recv(), Ok(None));
}

#[test]
fn full_ring_stays_full() {
    let mut pair = Pair::new();
    for n in 0..u64::from(CAPACITY) {
        pair.ends[0].send(&n).unwrap();
    }
    let _ = pair.ends[0].publish();
    pair.restart(0);
    assert_eq!(pair.ends[0].send(&64), Err(SendError::Full));
    pair.ends[1].recv().unwrap();
    let _ = pair.ends[1].publish();
    pair.ends[0].send(&64).unwrap();
}

#[test]
fn wish_to_sleep_dies_with_the_sleeper() {
    let mut pair = Pair::new();
    assert_eq!(pair.ends[1].sleep(), Ok(true));
    pair.restart(1);
    assert_eq!(pair.pages[1].load32(ASLEEP, SeqCst), 0);
    pair.ends[0].send(&1).unwrap();
    assert!(!pair.ends[0].publish());
    assert_eq!(pair.ends[1].sleep(), Ok(false), "it looks itself");
}

#[test]
fn own_info_is_what_the_predecessor_stated() {
    let mut pair = Pair::new();
    pair.ends[0].write_info(&[7u32, 8]);
    pair.restart(0);
    assert_eq!(pair.ends[0].read_own_info::<[u32; 2]>(), Some([7, 8]));
}

#[test]
fn impossible_indices_of_the_peer_are_breaches() {
    let pages = [HostPage::zeroed(), HostPage::zeroed()];
    pages[0].store32(TAIL, 10, Relaxed);
    pages[0].store32(HEAD, 20, Relaxed);
    let resume = || End::resume(pages[0].clone(), pages[1].clone());
    for (tail, head) in [(20, 11), (20, 10u32.wrapping_sub(65)), (19, 10), (85, 10)] {
        pages[1].store32(TAIL, tail, Relaxed);
        pages[1].store32(HEAD, head, Relaxed);
        let mut end = resume();
        let received = end.recv();
        let space = end.space();
        let tail_is_good = tail.wrapping_sub(20) <= CAPACITY;
        let head_is_good = 10u32.wrapping_sub(head) <= CAPACITY;
        assert_eq!(received.is_ok(), tail_is_good, "{tail}");
        assert_eq!(space.is_ok(), head_is_good, "{head}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Send(usize),
    Receive(usize),
    Publish(usize),
    Sleep(usize),
    Restart(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let end = 0usize..2;
    prop_oneof![
        4 => end.clone().prop_map(Act::Send),
        4 => end.clone().prop_map(Act::Receive),
        2 => end.clone().prop_map(Act::Publish),
        1 => end.clone().prop_map(Act::Sleep),
        1 => end.prop_map(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 8 } else { 512 }, ..ProptestConfig::default() })]

    /// Against a model in which publishing is the only thing that happened.
    #[test]
    fn only_what_was_published_happened(acts in prop::collection::vec(act(), 0..400)) {
        let mut pair = Pair::new();
        // Per sender: entries published, entries sent since; and how many of them the receiver took, published and in all.
        let mut sent: [(Vec<u64>, Vec<u64>); 2] = Default::default();
        let mut taken = [(0, 0); 2];
        let mut next = 0;
        for act in acts {
            match act {
                Act::Send(end) => {
                    next += 1;
                    match pair.ends[end].send(&next) {
                        Ok(()) => sent[end].1.push(next),
                        Err(SendError::Full) => {
                            let under_way = sent[end].0.len() + sent[end].1.len() - taken[end].0;
                            prop_assert_eq!(under_way, CAPACITY as usize);
                        }
                        Err(SendError::Violation(violation)) => prop_assert!(false, "{:?}", violation),
                    }
                }
                Act::Receive(end) => {
                    let (published, _) = &sent[1 - end];
                    let expected = published.get(taken[1 - end].1).copied();
                    prop_assert_eq!(pair.ends[end].recv(), Ok::<_, Violation>(expected));
                    taken[1 - end].1 += usize::from(expected.is_some());
                }
                Act::Publish(end) => {
                    let _ = pair.ends[end].publish();
                    let fresh = core::mem::take(&mut sent[end].1);
                    sent[end].0.extend(fresh);
                    taken[1 - end].0 = taken[1 - end].1;
                }
                Act::Sleep(end) => {
                    prop_assert!(pair.ends[end].sleep_for(Wish::Both).is_ok());
                    pair.ends[end].awake();
                }
                Act::Restart(end) => {
                    pair.restart(end);
                    sent[end].1.clear();
                    taken[1 - end].1 = taken[1 - end].0;
                }
            }
        }
    }

    /// Whatever the peer's page says, an end that comes back neither panics nor gets more than a ring of entries.
    #[test]
    fn no_peer_page_panics(own in any::<[u32; 2]>(), peer in any::<[u32; 2]>()) {
        let pages = [HostPage::zeroed(), HostPage::zeroed()];
        for (page, [tail, head]) in pages.iter().zip([own, peer]) {
            page.store32(TAIL, tail, Relaxed);
            page.store32(HEAD, head, Relaxed);
        }
        let mut end: End = Link::resume(pages[0].clone(), pages[1].clone());
        let mut received = 0;
        while let Ok(Some(_)) = end.recv() {
            received += 1;
            prop_assert!(received <= CAPACITY);
        }
        let mut sent = 0;
        while end.send(&1).is_ok() {
            sent += 1;
            prop_assert!(sent <= CAPACITY);
        }
    }
}
