//! Whatever a client and a driver put into the network shadow's rings: requests of a client that keeps the rules of its link are answered
//! once each, the driver is asked for nothing outside the regions that it has, and another client is served as if nothing were.
//!
//! Input: steps of the client, the driver and the network, a few bytes each.

use device_class::net::{Address, HEADROOM, NetRequest, NetResponse};
use shadow::slot::Mode;
use supervision::shadow::{CommandKind, EventKind, Policy};
use zerocopy::FromBytes;

use crate::net_world::client::frame;
use crate::net_world::driver::done;
use crate::net_world::{DATA, DEVICE, Driver, FRAMES, Machine, OUTSIDE, RECORD, RawLink};

/// Lengths and offsets at which something changes.
const NUMBERS: [u64; 14] = [
    0,
    13,
    14,
    HEADROOM - 1,
    HEADROOM,
    60,
    1514,
    1515,
    2040,
    DATA as u64 - 60,
    DATA as u64,
    u16::MAX as u64,
    u32::MAX as u64,
    u64::MAX,
];
/// Requests under way at most: all that a ring has.
const UNDER_WAY: usize = 64;

/// See the module.
pub fn stations(bytes: &[u8]) {
    let machine = Machine::running(2);
    let (transmit, receive) = machine.raw_links_of(0);
    let mut test = Test {
        machine,
        links: [transmit, receive],
        asked: 0,
        answered: 0,
    };
    let mut bytes = bytes.iter().copied();
    while test.step(&mut bytes).is_some() {}
    test.finish();
}

struct Test {
    machine: Machine,
    /// The first client's ends: frames to be sent, and buffers.
    links: [RawLink; 2],
    /// Frames that it asked to be sent, and answers.
    asked: usize,
    answered: usize,
}

impl Test {
    fn step(&mut self, input: &mut impl Iterator<Item = u8>) -> Option<()> {
        match input.next()? % 12 {
            0 | 1 => self.ask(0, shaped(input)?),
            2 | 3 => self.ask(1, shaped(input)?),
            4 => {
                let link = usize::from(input.next()? % 2);
                self.ask(link, raw::<_, 32>(input)?);
            }
            5 => {
                let place = number(input)? as usize;
                let source = [DEVICE, OUTSIDE, Address([1; 6])][usize::from(input.next()? % 3)];
                let bytes = frame(OUTSIDE, source, 0);
                if place.checked_add(bytes.len()).is_some_and(|end| end <= DATA) {
                    self.machine.regions[&0].put(place, &bytes);
                }
            }
            6 => self.answer(shaped_answer(input)?),
            7 => self.answer(raw::<_, 16>(input)?),
            8 => {
                let to = [DEVICE, OUTSIDE, device_class::net::BROADCAST][usize::from(input.next()? % 3)];
                if self.serves() {
                    self.machine.arrive(&frame(to, OUTSIDE, 1));
                }
            }
            9 => {
                self.machine.clients[1].ask();
                self.machine.exchange_of(1);
            }
            10 => self.take(),
            _ => {
                self.machine.ring();
                if self.serves() {
                    self.machine.work_quietly();
                }
            }
        }
        Some(())
    }

    /// The driver was not retired.
    fn serves(&self) -> bool {
        self.machine.mode() == Mode::Passive
    }

    fn ask(&mut self, link: usize, request: NetRequest) {
        if link == 0 && self.asked - self.answered == UNDER_WAY {
            return;
        }
        if self.links[link].send(&request).is_ok() {
            self.asked += usize::from(link == 0);
            let _ = self.links[link].publish();
        }
    }

    /// The driver says something; of what it was given, or of nothing.
    fn answer(&mut self, mut response: NetResponse) {
        if !self.serves() {
            return;
        }
        self.machine.driver_takes();
        let Some(driver) = self.machine.driver.as_mut() else {
            return;
        };
        let request = match response.flags % 4 {
            0 => driver.buffers.pop_front(),
            1 => driver.frames.pop_front(),
            2 => driver.filters.pop_front(),
            _ => None,
        };
        if let Some(request) = request {
            let known = done(&request);
            (response.id, response.generation) = (known.id, known.generation);
        }
        response.flags /= 4;
        self.machine.driver_says(response);
    }

    fn take(&mut self) {
        while let Some(response) = self.links[0].recv().expect("a shadow that keeps the rules") {
            assert!(device_class::net::Status::from_byte(response.status).is_some());
            self.answered += 1;
        }
        let _ = self.links[0].publish();
        while self.links[1]
            .recv()
            .expect("a shadow that keeps the rules")
            .is_some()
        {}
        let _ = self.links[1].publish();
    }

    /// If the driver was retired, or has forgotten what it was given, another one comes; then all is as it must be.
    fn finish(&mut self) {
        self.machine.driver = None;
        self.machine.events.clear();
        self.machine
            .command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
        self.machine.events.clear();
        self.machine.attach(Policy::Refuse);
        self.machine.start(RECORD);
        self.machine.expect(EventKind::Enabled);
        // What has come and was not taken yet has no buffer any more either.
        self.machine.exchange_of(1);
        let second = &self.machine.clients[1];
        let taken = second.received.len() + second.spoilt.len();
        self.machine.clients[1].post(taken.min(48));
        // The first client takes what is answered: the library's own end of its links would not know of it.
        for _ in 0..4 * UNDER_WAY {
            self.machine.ring();
            self.machine.work_quietly();
            while let Some(filter) = self.machine.driver.as_mut().and_then(Driver::next_filter) {
                self.machine.driver_says(done(&filter));
            }
            self.machine.exchange_of(1);
            self.take();
        }
        assert_eq!(self.answered, self.asked, "answered once each");
        let other = self.machine.clients[1].address;
        let before = self.machine.clients[1].received.len();
        self.machine.arrive(&frame(other, OUTSIDE, 7));
        self.machine.exchange_of(1);
        assert_eq!(self.machine.clients[1].received.len(), before + 1, "served");
    }
}

/// A request that means something, or nearly.
fn shaped(input: &mut impl Iterator<Item = u8>) -> Option<NetRequest> {
    let what = input.next()?;
    Some(NetRequest {
        id: u32::from(input.next()?),
        op: what % 6,
        flags: what / 6 % 16,
        region: [0, 0, 0, 1, FRAMES][usize::from(what) % 5],
        offset: number(input)?,
        length: number(input)? as u32,
        ..NetRequest::default()
    })
}

/// The same for an answer; the two lowest of its flags say to what.
fn shaped_answer(input: &mut impl Iterator<Item = u8>) -> Option<NetResponse> {
    Some(NetResponse {
        flags: input.next()? % 16,
        status: input.next()? % 10,
        start: number(input)? as u16,
        length: number(input)? as u32,
        ..NetResponse::default()
    })
}

/// Any bytes.
fn raw<T: FromBytes, const N: usize>(input: &mut impl Iterator<Item = u8>) -> Option<T> {
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = input.next()?;
    }
    T::read_from_bytes(&bytes).ok()
}

fn number(input: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let byte = usize::from(input.next()?);
    Some(NUMBERS[byte % NUMBERS.len()])
}
