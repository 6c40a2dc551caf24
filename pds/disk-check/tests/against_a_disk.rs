//! The checker against a disk that works, and against disks that cheat in one way each.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use client_report::{Counter, Kind, Report};
use disk_check::{Checker, DEPTH, Request, WORDS};
use proptest::prelude::*;

const BLOCKS: usize = 24;
const SEED: u64 = 77;

/// The layout of `docs/formats/disk-check.md`, written down a second time: not the client's code.
fn formatted(block: u64, sequence: u64) -> Vec<u64> {
    let fold = |x: u64| x ^ (x >> 32);
    let start =
        SEED ^ block.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ sequence.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let mut s = fold(fold(start).wrapping_mul(0xd6e8_feb8_6659_fd93));
    let mut words = vec![u64::from_le_bytes(*b"UMBRADC1"), block, sequence, SEED];
    while words.len() < WORDS - 1 {
        s = s
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        words.push(s);
    }
    let sum = words.iter().fold(0u64, |sum, word| sum.rotate_left(1) ^ word);
    words.push(sum);
    words
}

/// How a disk cheats, once, at the given number of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cheat {
    None,
    /// Acknowledges a write and does not do it.
    DropWrite,
    /// Puts old content back, after it was overwritten and the newer content was read.
    Resurrect,
    /// Flips a bit in some blocks on the disk.
    Flip,
    /// Answers a write with an error.
    Error,
    /// Writes a block to the wrong place.
    Misplace,
}

struct Run {
    words: Vec<AtomicU64>,
    disk: Vec<Vec<u64>>,
}

impl Run {
    fn get(&self, counter: Counter) -> u64 {
        self.words[counter as usize].load(Relaxed)
    }
    fn state(&self) -> u64 {
        self.words[2].load(Relaxed)
    }
    fn entry(&self, block: usize) -> (u64, u64) {
        let word = self.words[512 + 2 * block].load(Relaxed);
        (word & 0xffff_ffff, word >> 32)
    }
}

/// Runs the client for `steps` answers on a disk that takes requests in the order they come and answers them in an order that
/// `order` decides; writes to one block take effect in order, as the shadow promises.
fn run(steps: usize, order: u64, cheat: Cheat) -> Run {
    let words: Vec<AtomicU64> = (0..2048).map(|_| AtomicU64::new(0)).collect();
    let buffers: Vec<[AtomicU64; WORDS]> = (0..DEPTH).map(|_| [const { AtomicU64::new(0) }; WORDS]).collect();
    let mut disk: Vec<Vec<u64>> = (0..BLOCKS as u64).map(|block| formatted(block, 0)).collect();
    {
        let report = Report::begin(&words, Kind::DiskCheck).unwrap();
        let mut checker = Checker::new(report, &buffers, BLOCKS as u64, 0);
        let mut flying: VecDeque<(usize, Request)> = VecDeque::new();
        let mut old = disk.clone();
        let (mut random, mut now, mut cheated) = (order | 1, 0u64, false);
        for step in 0.. {
            if step == steps {
                checker.stop();
            }
            while let Some(next) = checker.next_request() {
                flying.push_back(next);
            }
            if step > 0 && step < steps && step > 2 * BLOCKS {
                assert_eq!(flying.len(), DEPTH, "always so many in flight");
            }
            if flying.is_empty() {
                break;
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut pick = (random >> 40) as usize % flying.len();
            let block_of = |request: Request| match request {
                Request::Read(block) | Request::Write(block) => Some(block),
                Request::Flush => None,
            };
            // A later write of the same block waits for the earlier one.
            while let Some(earlier) = (0..pick).find(|at| {
                matches!((flying[*at].1, flying[pick].1), (Request::Write(a), Request::Write(b)) if a == b)
            }) {
                pick = earlier;
            }
            let (slot, request) = flying.remove(pick).unwrap();
            let armed = step > steps / 2 && !cheated;
            let mut outcome = Ok(());
            match request {
                Request::Read(block) => {
                    for (cell, word) in buffers[slot].iter().zip(&disk[block as usize]) {
                        cell.store(*word, Relaxed);
                    }
                }
                Request::Write(block) => {
                    let content: Vec<u64> = buffers[slot].iter().map(|cell| cell.load(Relaxed)).collect();
                    let alone = !flying.iter().any(|(_, other)| block_of(*other) == Some(block));
                    match cheat {
                        Cheat::DropWrite if armed && alone => cheated = true,
                        Cheat::Error if armed => (outcome, cheated) = (Err(1), true),
                        Cheat::Misplace if armed => {
                            disk[(block as usize + 1) % BLOCKS] = content;
                            cheated = true;
                        }
                        _ => disk[block as usize] = content,
                    }
                }
                Request::Flush => {}
            }
            if armed && cheat == Cheat::Flip {
                disk[16..].iter_mut().for_each(|block| block[100] ^= 1);
                cheated = true;
            }
            if cheat == Cheat::Resurrect && step == steps / 2 {
                old = disk.clone();
            }
            if cheat == Cheat::Resurrect && step == steps * 3 / 4 {
                disk[16..].clone_from_slice(&old[16..]);
            }
            now += 10;
            assert!(checker.completed(slot, outcome, now));
            assert!(
                !checker.completed(slot, outcome, now),
                "an answer without a request is refused"
            );
        }
        assert!(checker.is_stopped());
        assert_eq!(checker.in_flight(), 0);
    }
    Run { words, disk }
}

#[test]
fn honest_disk_has_no_violation_and_ledger_matches_it() {
    let run = run(4000, 1, Cheat::None);
    for counter in [
        Counter::Corrupt,
        Counter::Stale,
        Counter::Lost,
        Counter::ClientErrors,
    ] {
        assert_eq!(run.get(counter), 0, "{counter:?}");
    }
    assert_eq!(run.get(Counter::Seed), SEED);
    assert_eq!(run.state(), 3);
    assert!(run.get(Counter::Requests) >= 4000);
    assert!(
        run.get(Counter::Writes) > 1000 && run.get(Counter::Reads) > 1000 && run.get(Counter::Flushes) > 1
    );
    assert_eq!(run.get(Counter::LongestGap), 10);
    for (block, content) in run.disk.iter().enumerate() {
        let (acknowledged, submitted) = run.entry(block);
        assert_eq!(acknowledged, submitted, "drained");
        assert_eq!(*content, formatted(block as u64, acknowledged));
    }
}

#[test]
fn dropped_write_is_lost() {
    let run = run(4000, 2, Cheat::DropWrite);
    assert!(run.get(Counter::Lost) + run.get(Counter::Stale) > 0);
    assert_eq!(run.get(Counter::Corrupt), 0);
}

#[test]
fn old_content_that_comes_back_is_stale() {
    let run = run(4000, 3, Cheat::Resurrect);
    assert!(run.get(Counter::Stale) > 0);
    assert_eq!(run.get(Counter::Corrupt), 0);
}

#[test]
fn flipped_bit_is_corrupt() {
    assert!(run(4000, 4, Cheat::Flip).get(Counter::Corrupt) > 0);
}

#[test]
fn misplaced_block_is_corrupt() {
    assert!(run(4000, 5, Cheat::Misplace).get(Counter::Corrupt) > 0);
}

#[test]
fn failed_write_is_an_error_and_leaves_both_contents_legal() {
    let run = run(4000, 6, Cheat::Error);
    assert_eq!(run.get(Counter::ClientErrors), 1);
    assert_eq!(
        run.get(Counter::Corrupt) + run.get(Counter::Stale) + run.get(Counter::Lost),
        0
    );
}

#[test]
fn disk_without_a_seed_fails_the_client() {
    let words: Vec<AtomicU64> = (0..2048).map(|_| AtomicU64::new(0)).collect();
    let buffers: Vec<[AtomicU64; WORDS]> = (0..4).map(|_| [const { AtomicU64::new(0) }; WORDS]).collect();
    let mut checker = Checker::new(Report::begin(&words, Kind::DiskCheck).unwrap(), &buffers, 9, 0);
    assert_eq!(checker.next_request(), Some((0, Request::Read(0))));
    assert_eq!(checker.next_request(), None);
    assert!(checker.completed(0, Ok(()), 1));
    assert!(checker.has_failed());
    assert_eq!(words[2].load(Relaxed), 4 | 1 << 32);
}

/// Runs a client with `depth` buffers on one block until a read is in flight (together with a write, if there are two), and answers
/// it with a mixture of the last two contents. Returns mixtures and corrupt blocks counted.
fn mixture_with(depth: usize) -> (u64, u64) {
    let words: Vec<AtomicU64> = (0..2048).map(|_| AtomicU64::new(0)).collect();
    let buffers: Vec<[AtomicU64; WORDS]> = (0..depth).map(|_| [const { AtomicU64::new(0) }; WORDS]).collect();
    let mut checker = Checker::new(Report::begin(&words, Kind::DiskCheck).unwrap(), &buffers, 1, 0);
    let mut sequence = 0;
    for _ in 0..1000 {
        let sent: Vec<_> = std::iter::from_fn(|| checker.next_request()).collect();
        let writes = sent
            .iter()
            .filter(|next| matches!(next.1, Request::Write(_)))
            .count();
        let reads = sent
            .iter()
            .filter(|next| matches!(next.1, Request::Read(_)))
            .count();
        let old = formatted(0, sequence);
        sequence += writes as u64;
        for (slot, request) in sent {
            let mut content = old.clone();
            let mixed = sequence > 1 && reads == 1 && writes == depth - 1;
            if mixed && writes == 0 {
                content[..256].copy_from_slice(&formatted(0, sequence - 1)[..256]);
            } else if mixed {
                content[..256].copy_from_slice(&formatted(0, sequence)[..256]);
            }
            if let Request::Read(_) = request {
                for (cell, word) in buffers[slot].iter().zip(&content) {
                    cell.store(*word, Relaxed);
                }
                checker.completed(slot, Ok(()), 0);
                if mixed {
                    return [Counter::MixedOrPasses, Counter::Corrupt]
                        .map(|counter| words[counter as usize].load(Relaxed))
                        .into();
                }
            } else {
                checker.completed(slot, Ok(()), 0);
            }
        }
    }
    panic!("no such moment");
}

#[test]
fn mixture_is_legal_only_while_a_write_is_in_flight() {
    assert_eq!(mixture_with(2), (1, 0));
    assert_eq!(mixture_with(1), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_of_answers_is_legal(order: u64, steps in 100usize..1500) {
        let run = run(steps, order, Cheat::None);
        for counter in [Counter::Corrupt, Counter::Stale, Counter::Lost, Counter::ClientErrors] {
            prop_assert_eq!(run.get(counter), 0);
        }
    }
}
