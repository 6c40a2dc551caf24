//! Properties of a link against a fair and against a hostile peer.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use proptest::prelude::*;
use shared_ring::page::{HostPage, Page};
use shared_ring::{
    ASLEEP, ASLEEP_FOR_ALL, CAPACITY, ENTRIES, HEAD, INFO, Link, SendError, TAIL, Violation, Wish,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

type End = Link<u64, u64, HostPage>;

fn pair() -> (End, End) {
    let (a, b) = (HostPage::zeroed(), HostPage::zeroed());
    (Link::over(a.clone(), b.clone()), Link::over(b, a))
}

#[test]
fn full_ring_refuses_and_takes_again_after_the_peer_consumed() {
    let (mut a, mut b) = pair();
    for n in 0..u64::from(CAPACITY) {
        a.send(&n).unwrap();
    }
    assert_eq!(a.send(&64), Err(SendError::Full));
    assert!(!a.publish(), "the peer is awake");
    assert_eq!(b.recv(), Ok(Some(0)));
    assert_eq!(
        a.send(&64),
        Err(SendError::Full),
        "consumption counts when it is published"
    );
    assert!(!b.publish());
    a.send(&64).unwrap();
}

#[test]
fn unpublished_entries_are_invisible() {
    let (mut a, mut b) = pair();
    a.send(&7).unwrap();
    assert_eq!(b.recv(), Ok(None));
    let _ = a.publish();
    assert_eq!(b.recv(), Ok(Some(7)));
}

#[test]
fn sleeper_is_notified_once_something_is_there_for_it() {
    let (mut a, mut b) = pair();
    assert_eq!(b.sleep(), Ok(true));
    assert!(!a.publish(), "nothing new");
    a.send(&1).unwrap();
    assert!(a.publish());
    assert_eq!(b.sleep(), Ok(false), "there is something to do");
    b.awake();
    assert_eq!(b.recv(), Ok(Some(1)));
    a.send(&2).unwrap();
    assert!(!a.publish(), "awake again");
}

#[test]
fn sleeper_on_space_is_notified_of_consumption_and_others_are_not() {
    let (mut a, mut b) = pair();
    for n in 0..64 {
        a.send(&n).unwrap();
    }
    let _ = a.publish();
    assert_eq!(a.sleep(), Ok(true), "no space wanted");
    b.recv().unwrap();
    assert!(!b.publish());
    a.awake();
    a.send(&64).unwrap();
    assert_eq!(a.send(&65), Err(SendError::Full));
    let _ = a.publish();
    assert_eq!(a.sleep(), Ok(true));
    b.recv().unwrap();
    assert!(b.publish());
}

#[test]
fn receiver_that_leaves_entries_may_sleep_on_space() {
    let (mut a, mut b) = pair();
    a.send(&1).unwrap();
    b.send(&2).unwrap();
    let _ = (a.publish(), b.publish());
    assert_eq!(b.space(), Ok(63));
    assert_eq!(
        b.sleep_for(Wish::Space),
        Ok(true),
        "the entry is left in the ring"
    );
    a.recv().unwrap();
    assert!(a.publish());
    assert_eq!(b.sleep_for(Wish::Space), Ok(false));
}

#[test]
fn reset_starts_both_rings_anew_and_clears_the_page() {
    let (own, peer) = (HostPage::zeroed(), HostPage::zeroed());
    let mut a: End = Link::over(own.clone(), peer);
    a.send(&u64::MAX).unwrap();
    a.write_info(&[1u32, 2, 3]);
    let _ = a.publish();
    assert_eq!(a.sleep(), Ok(true));
    a.reset();
    for offset in (0..4096).step_by(8) {
        assert_eq!(own.load64(offset), 0, "{offset}");
    }
    assert_eq!(a.space(), Ok(64));
}

#[test]
fn info_is_read_as_it_was_written() {
    let (mut a, b) = pair();
    a.write_info(&[5u32, 6, 7]);
    a.write_info_word(4, 60);
    assert_eq!(b.read_info::<[u32; 3]>(), Some([5, 60, 7]));
    assert_eq!(b.read_info_word(8), 7);
}

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Odd([u8; 46]);

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Words([u32; 11]);

#[test]
fn entries_of_any_length_pass_unchanged() {
    let (p, q) = (HostPage::zeroed(), HostPage::zeroed());
    let mut a: Link<Odd, Words, _> = Link::over(p.clone(), q.clone());
    let mut b: Link<Words, Odd, _> = Link::over(q.clone(), p.clone());
    let odd = |n: u8| Odd(core::array::from_fn(|i| n ^ i as u8));
    let words = |n: u32| Words(core::array::from_fn(|i| n * 1_000 + i as u32));
    for round in 0..5 {
        (0..64).for_each(|n| a.send(&odd(n + round)).unwrap());
        (0..64).for_each(|n| b.send(&words(n)).unwrap());
        let _ = (a.publish(), b.publish());
        (0..64).for_each(|n| assert_eq!(b.recv(), Ok(Some(odd(n + round)))));
        (0..64).for_each(|n| assert_eq!(a.recv(), Ok(Some(words(n)))));
        let _ = (a.publish(), b.publish());
    }
    // The last entry ends where the info area begins, at most.
    assert_eq!(p.load8(ENTRIES + 64 * 46 - 1), odd(63 + 4).0[45]);
    assert_eq!(p.load32(INFO, Relaxed), 0);
}

#[test]
fn claims_out_of_range_are_typed_violations() {
    let (own, peer) = (HostPage::zeroed(), HostPage::zeroed());
    let mut a: End = Link::over(own, peer.clone());
    peer.store32(TAIL, 65, SeqCst);
    assert_eq!(a.recv(), Err(Violation::Tail { tail: 65, head: 0 }));
    peer.store32(HEAD, 1, SeqCst);
    assert_eq!(
        a.space(),
        Err(Violation::Head { head: 1, tail: 0 }),
        "consumed what was not sent"
    );
    peer.store32(HEAD, 0, SeqCst);
    a.send(&1).unwrap();
    peer.store32(HEAD, 1, SeqCst);
    assert!(a.space().is_err(), "consumed what was not published");
    let _ = a.publish();
    assert_eq!(a.space(), Ok(64));
    peer.store32(HEAD, 0, SeqCst);
    assert!(a.space().is_err(), "gave back what it had consumed");
}

#[test]
fn any_word_in_the_flag_is_harmless() {
    let (own, peer) = (HostPage::zeroed(), HostPage::zeroed());
    let mut a: End = Link::over(own, peer.clone());
    for flag in [0, 1, ASLEEP_FOR_ALL, 3, u32::MAX] {
        peer.store32(ASLEEP, flag, SeqCst);
        a.send(&1).unwrap();
        assert_eq!(a.publish(), flag != 0);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Recv,
    Publish,
    Sleep,
    Awake,
    Space,
    /// The hostile peer stores a word.
    Poke(usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let near = prop_oneof![0u32..130, Just(u32::MAX), any::<u32>()];
    prop_oneof![
        any::<u64>().prop_map(Step::Send),
        Just(Step::Recv),
        Just(Step::Publish),
        Just(Step::Sleep),
        Just(Step::Awake),
        Just(Step::Space),
        (
            prop_oneof![Just(TAIL), Just(HEAD), Just(ASLEEP), 0usize..4096],
            near
        )
            .prop_map(|(o, v)| Step::Poke(o, v)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever the peer writes: no panic, and never more entries taken than it has announced.
    #[test]
    fn hostile_peer_gets_a_violation_at_worst(steps in prop::collection::vec(step(), 1..200)) {
        let (own, peer) = (HostPage::zeroed(), HostPage::zeroed());
        let mut link: End = Link::over(own, peer.clone());
        let mut since_claim = 0u32;
        for step in steps {
            match step {
                Step::Send(value) => { let _ = link.send(&value); }
                Step::Recv => if let Ok(Some(_)) = link.recv() {
                    since_claim += 1;
                    prop_assert!(since_claim <= CAPACITY, "one claim is worth at most a ring");
                },
                Step::Publish => { let _ = link.publish(); }
                Step::Sleep => { let _ = link.sleep(); }
                Step::Awake => link.awake(),
                Step::Space => if let Ok(space) = link.space() { prop_assert!(space <= CAPACITY); },
                Step::Poke(offset, value) => {
                    peer.store32(offset, value, SeqCst);
                    since_claim = 0;
                }
            }
        }
    }

    /// Between fair peers every entry arrives once, in order, and a sleeper with work is always notified.
    #[test]
    fn fair_peers_lose_nothing(steps in prop::collection::vec((any::<bool>(), 0u8..5), 1..400)) {
        let (mut a, mut b) = pair();
        let (mut sent, mut received) = ([0u64; 2], [0u64; 2]);
        let mut asleep = [false; 2];
        for (first, what) in steps {
            let me = usize::from(!first);
            let link = if first { &mut a } else { &mut b };
            if asleep[me] {
                continue;
            }
            match what {
                0 | 1 => sent[me] += u64::from(link.send(&sent[me]).is_ok()),
                2 => if let Some(value) = link.recv().unwrap() {
                    prop_assert_eq!(value, received[me]);
                    received[me] += 1;
                },
                3 => asleep[1 - me] &= !link.publish(),
                _ => {
                    asleep[1 - me] &= !link.publish();
                    asleep[me] = link.sleep().unwrap();
                    if asleep[me] {
                        prop_assert_eq!(link.recv(), Ok(None));
                    }
                }
            }
        }
        prop_assert!(received[1] <= sent[0] && received[0] <= sent[1]);
    }
}
