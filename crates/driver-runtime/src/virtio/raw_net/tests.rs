extern crate std;

use std::vec;
use std::vec::Vec;

use driver_package::resources::DataRegion;
use proptest::prelude::*;

use super::*;
use crate::net::Offload;
use crate::resources::tests::good;

/// Tokens and what was begun with them, oldest first.
type Queue = Vec<(u16, NonNull<[u8]>)>;

/// A device that checks that it gets back what it was given, and says of frames what it is told to.
#[derive(Default)]
struct FakeNet {
    sending: Queue,
    waiting: Queue,
    sent: usize,
    came: usize,
    says: (usize, usize),
    room: usize,
    stray: bool,
    next: u16,
    header: usize,
}

impl FakeNet {
    fn begin(&mut self, data: NonNull<[u8]>, of: fn(&mut Self) -> &mut Queue) -> Option<u16> {
        let (token, room) = (self.next, self.room);
        let queue = of(self);
        if queue.len() >= room {
            return None;
        }
        queue.push((token, data));
        self.next = self.next.wrapping_mul(5).wrapping_add(3);
        Some(token)
    }
}

fn end(queue: &mut Queue, token: u16, data: NonNull<[u8]>) {
    assert_eq!(queue.remove(0), (token, data), "not what was begun");
}

impl RawNet for FakeNet {
    fn open(_: &Resources) -> Result<(Self, NetFacts), ProbeError> {
        let net = Self {
            room: DEPTH,
            header: 12,
            ..Self::default()
        };
        Ok((net, NetFacts::plain()))
    }
    fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, 9]
    }
    fn header(&self, bytes: &mut [u8; HEADROOM as usize]) -> Option<usize> {
        bytes.fill(0xab);
        Some(self.header)
    }
    unsafe fn transmit_begin(&mut self, data: NonNull<[u8]>) -> Result<Option<u16>, Status> {
        Ok(self.begin(data, |this| &mut this.sending))
    }
    fn poll_transmit(&mut self) -> Option<u16> {
        if self.stray {
            return Some(self.next);
        }
        self.sent = self.sent.checked_sub(1)?;
        self.sending.first().map(|(token, _)| *token)
    }
    unsafe fn transmit_complete(&mut self, token: u16, data: NonNull<[u8]>) -> Status {
        end(&mut self.sending, token, data);
        Status::Ok
    }
    unsafe fn receive_begin(&mut self, data: NonNull<[u8]>) -> Result<Option<u16>, Status> {
        Ok(self.begin(data, |this| &mut this.waiting))
    }
    fn poll_receive(&mut self) -> Option<u16> {
        self.came = self.came.checked_sub(1)?;
        self.waiting.first().map(|(token, _)| *token)
    }
    unsafe fn receive_complete(&mut self, token: u16, data: NonNull<[u8]>) -> Result<(usize, usize), Status> {
        end(&mut self.waiting, token, data);
        Ok(self.says)
    }
    fn acknowledge(&mut self) {}
}

fn driver() -> VirtioNet<FakeNet> {
    NetDriver::probe(&Resources::unchecked(good())).unwrap()
}

fn ended(driver: &mut VirtioNet<FakeNet>) -> Vec<(Ended, Completion)> {
    let mut found = Vec::new();
    driver.poll(|ended, completion| found.push((ended, completion)));
    found
}

fn region(bytes: &mut [u8]) -> DataRegion {
    DataRegion {
        vaddr: bytes.as_mut_ptr().expose_provenance() as u64,
        io_addr: 0,
        len: bytes.len() as u64,
    }
}

fn frame(id: u32, region: &DataRegion) -> Frame {
    Frame {
        id,
        data: Buffer::within(region, 0, region.len).unwrap(),
        offload: Offload::default(),
    }
}

#[test]
fn header_ends_where_the_frame_begins() {
    let mut bytes = vec![7; 16 + 60];
    let region = region(&mut bytes);
    let mut driver = driver();
    assert_eq!(driver.transmit(&frame(1, &region)), Begin::Accepted);
    let (_, data) = driver.net.sending[0];
    assert_eq!((data.addr().get() as u64, data.len()), (region.vaddr + 4, 72));
    drop(driver);
    assert_eq!(
        bytes[..16],
        [
            7, 7, 7, 7, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab
        ]
    );
    assert_eq!(bytes[16..], [7; 60]);
}

#[test]
fn header_longer_than_the_headroom_sends_nothing() {
    let mut bytes = vec![7; 16 + 60];
    let region = region(&mut bytes);
    let mut driver = driver();
    driver.net.header = 17;
    assert_eq!(
        driver.transmit(&frame(1, &region)),
        Begin::Refused(Status::IoError)
    );
    assert!(driver.net.sending.is_empty());
}

#[test]
fn lengths_that_cannot_be_are_errors() {
    let mut bytes = vec![0; 1600];
    let region = region(&mut bytes);
    let mut driver = driver();
    let mut came = |says| {
        let buffer = Buffer::within(&region, 0, region.len).unwrap();
        assert_eq!(driver.receive(5, buffer), Begin::Accepted);
        (driver.net.says, driver.net.came) = (says, 1);
        let [(Ended::Buffer, completion)] = ended(&mut driver)[..] else {
            panic!("not one buffer")
        };
        (completion.status, completion.start, completion.length)
    };
    assert_eq!(came((12, 60)), (Status::Ok, 12, 60));
    assert_eq!(came((12, 1588)), (Status::Ok, 12, 1588));
    assert_eq!(came((12, 13)), (Status::Ok, 12, 13), "the network's fault");
    for says in [(12, 1589), (17, 60), (12, usize::MAX), (usize::MAX, 60)] {
        assert_eq!(came(says), (Status::IoError, 0, 0));
    }
}

#[test]
fn token_that_nobody_has_ends_nothing() {
    let mut bytes = vec![0; 1600];
    let region = region(&mut bytes);
    let mut driver = driver();
    assert_eq!(driver.transmit(&frame(1, &region)), Begin::Accepted);
    driver.net.stray = true;
    assert_eq!(ended(&mut driver), []);
}

#[test]
fn queue_without_any_room_is_an_error_and_not_busy_for_ever() {
    let mut bytes = vec![0; 1600];
    let region = region(&mut bytes);
    let mut driver = driver();
    driver.net.room = 0;
    assert_eq!(
        driver.transmit(&frame(1, &region)),
        Begin::Refused(Status::IoError)
    );
}

proptest! {
    /// Frames are answered in the order in which they were sent, each once; buffers likewise, whatever the queues' sizes.
    #[test]
    fn everything_ends_once_in_order(room in 1usize..40, steps in proptest::collection::vec((0u8..4, 1usize..40), 1..60)) {
        let mut bytes = vec![0; 1600];
        let region = region(&mut bytes);
        let mut driver = driver();
        driver.net.room = room;
        driver.net.says = (12, 60);
        let (mut taken, mut seen) = ([0u32; 2], [0u32; 2]);
        for (step, amount) in steps.into_iter().chain((0..40).map(|_| (3, 40))) {
            for _ in 0..amount {
                let begin = match step {
                    0 => driver.transmit(&frame(taken[0], &region)),
                    1 => driver.receive(taken[1], Buffer::within(&region, 0, 1600).unwrap()),
                    _ => break,
                };
                if begin == Begin::Busy {
                    break;
                }
                prop_assert_eq!(begin, Begin::Accepted);
                taken[usize::from(step)] += 1;
            }
            if step >= 2 {
                (driver.net.sent, driver.net.came) = (amount, amount / 2);
                for (ended, completion) in ended(&mut driver) {
                    let kind = usize::from(ended == Ended::Buffer);
                    prop_assert_eq!((completion.id, completion.status), (seen[kind], Status::Ok));
                    seen[kind] += 1;
                }
            }
        }
        prop_assert_eq!(taken, seen);
    }
}
