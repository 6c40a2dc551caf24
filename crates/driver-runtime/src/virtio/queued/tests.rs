extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::block::Buffer;
use crate::resources::tests::good;

/// A device that remembers where header and answer of each token lie, completes in any order, and notices a flush while
/// something is under way.
#[derive(Default)]
struct FakeDisk {
    waiting: Vec<(u16, usize, usize)>,
    used: Vec<u16>,
    room: usize,
    stray: Option<u16>,
    flushes: usize,
    acknowledged: usize,
    fail: bool,
}

impl FakeDisk {
    fn begin(&mut self, header: &mut u64, answer: &mut u32) -> Result<u16, Refused> {
        if self.waiting.len() + self.used.len() >= self.room {
            return Err(Refused::QueueFull);
        }
        let taken = |token: &u16| self.waiting.iter().any(|(t, ..)| t == token) || self.used.contains(token);
        let token = (0..16).rev().find(|token| !taken(token));
        let token = token.ok_or(Refused::Failed(Status::IoError))?;
        self.waiting
            .push((token, &raw const *header as usize, &raw const *answer as usize));
        Ok(token)
    }
    fn complete(&mut self, token: u16, header: &u64, answer: &mut u32) -> Status {
        let at = self
            .used
            .iter()
            .position(|used| *used == token)
            .expect("completed what has not ended");
        self.used.remove(at);
        let at = self
            .waiting
            .iter()
            .position(|(t, ..)| *t == token)
            .expect("unknown");
        let (_, known_header, known_answer) = self.waiting.remove(at);
        assert_eq!(
            (known_header, known_answer),
            (&raw const *header as usize, &raw const *answer as usize)
        );
        if self.fail { Status::IoError } else { Status::Ok }
    }
    fn finish(&mut self, index: usize) {
        let open: Vec<u16> = self
            .waiting
            .iter()
            .map(|(token, ..)| *token)
            .filter(|token| !self.used.contains(token))
            .collect();
        if !open.is_empty() {
            self.used.push(open[index % open.len()]);
        }
    }
}

impl QueuedDisk for FakeDisk {
    type Header = u64;
    type Answer = u32;
    fn open(_: &Resources) -> Result<(Self, DiskFacts), ProbeError> {
        let disk = Self {
            room: 32,
            ..Self::default()
        };
        Ok((
            disk,
            DiskFacts {
                features: crate::virtio::F_FLUSH,
                sectors: 0,
                blk_size: 0,
                size_max: 0,
            },
        ))
    }
    fn sectors(&self) -> u64 {
        100
    }
    unsafe fn read(
        &mut self,
        _: usize,
        header: &mut u64,
        _: NonNull<[u8]>,
        answer: &mut u32,
    ) -> Result<u16, Refused> {
        self.begin(header, answer)
    }
    unsafe fn write(
        &mut self,
        _: usize,
        header: &mut u64,
        _: NonNull<[u8]>,
        answer: &mut u32,
    ) -> Result<u16, Refused> {
        self.begin(header, answer)
    }
    fn peek_used(&mut self) -> Option<u16> {
        self.stray.or(self.used.first().copied())
    }
    unsafe fn complete_read(
        &mut self,
        token: u16,
        header: &u64,
        _: NonNull<[u8]>,
        answer: &mut u32,
    ) -> Status {
        self.complete(token, header, answer)
    }
    unsafe fn complete_write(
        &mut self,
        token: u16,
        header: &u64,
        _: NonNull<[u8]>,
        answer: &mut u32,
    ) -> Status {
        self.complete(token, header, answer)
    }
    fn flush(&mut self) -> Status {
        assert!(
            self.waiting.is_empty(),
            "a flush takes what completes for its own"
        );
        self.flushes += 1;
        Status::Ok
    }
    fn acknowledge(&mut self) {
        self.acknowledged += 1;
    }
}

fn driver() -> QueuedBlock<FakeDisk> {
    QueuedBlock::probe(&Resources::check(&good(), 1).unwrap()).unwrap()
}

fn request(id: u32, op: Op) -> Request {
    let count = if op == Op::Flush { 0 } else { 1 };
    Request {
        id,
        op,
        block: u64::from(id % 100),
        count,
        data: Buffer::EMPTY,
    }
}

fn polled(driver: &mut QueuedBlock<FakeDisk>) -> Vec<(u32, Status)> {
    let mut found = Vec::new();
    driver.poll(|completion| found.push((completion.id, completion.status)));
    found
}

#[test]
fn completions_come_in_the_devices_order() {
    let mut driver = driver();
    for id in 0..3 {
        assert_eq!(driver.submit(&request(id, Op::Write)), Submit::Accepted);
    }
    driver.disk.finish(2);
    driver.disk.finish(0);
    assert_eq!(polled(&mut driver), [(2, Status::Ok), (0, Status::Ok)]);
    driver.disk.fail = true;
    driver.disk.finish(0);
    assert_eq!(polled(&mut driver), [(1, Status::IoError)]);
}

#[test]
fn a_flush_waits_until_the_queue_is_empty() {
    let mut driver = driver();
    assert_eq!(driver.submit(&request(1, Op::Write)), Submit::Accepted);
    assert_eq!(driver.submit(&request(2, Op::Flush)), Submit::Busy);
    driver.disk.finish(0);
    assert_eq!(
        driver.submit(&request(2, Op::Flush)),
        Submit::Busy,
        "ended, but its answer is not taken yet"
    );
    assert_eq!(polled(&mut driver), [(1, Status::Ok)]);
    assert_eq!(driver.submit(&request(2, Op::Flush)), Submit::Done(Status::Ok));
    assert_eq!(driver.disk.flushes, 1);
}

#[test]
fn a_full_queue_is_busy_but_one_that_never_has_room_is_an_error() {
    let mut driver = driver();
    driver.disk.room = 5;
    for id in 0..5 {
        assert_eq!(driver.submit(&request(id, Op::Read)), Submit::Accepted);
    }
    assert_eq!(driver.submit(&request(5, Op::Read)), Submit::Busy);
    driver.disk.finish(0);
    assert_eq!(polled(&mut driver).len(), 1);
    assert_eq!(driver.submit(&request(5, Op::Read)), Submit::Accepted);
    let mut driver = self::driver();
    driver.disk.room = 0;
    assert_eq!(
        driver.submit(&request(5, Op::Read)),
        Submit::Done(Status::IoError)
    );
}

#[test]
fn a_token_that_nobody_has_completes_nothing() {
    let mut driver = driver();
    assert_eq!(driver.submit(&request(1, Op::Read)), Submit::Accepted);
    driver.disk.stray = Some(9);
    assert_eq!(polled(&mut driver), []);
}

proptest! {
    #[test]
    fn every_accepted_request_ends_once(steps in proptest::collection::vec((0u8..8, 0usize..32), 1..200)) {
        let mut driver = driver();
        let (mut next, mut accepted, mut ended) = (0, Vec::new(), Vec::new());
        for (step, amount) in steps {
            match step {
                0..3 => {
                    let op = [Op::Read, Op::Write, Op::Flush][amount % 3];
                    match driver.submit(&request(next, op)) {
                        Submit::Accepted => accepted.push(next),
                        Submit::Done(_) => prop_assert_eq!(op, Op::Flush),
                        Submit::Busy => prop_assert!(driver.free != ALL),
                    }
                    next += 1;
                }
                3..7 => driver.disk.finish(amount),
                _ => ended.extend(polled(&mut driver)),
            }
            prop_assert_eq!((ALL & !driver.free).count_ones() as usize, accepted.len() - ended.len());
        }
        for _ in 0..32 {
            driver.disk.finish(0);
        }
        ended.extend(polled(&mut driver));
        let mut ids: Vec<_> = ended.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        prop_assert_eq!(ids, accepted);
    }
}
