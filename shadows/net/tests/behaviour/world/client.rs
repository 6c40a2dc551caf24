//! A client that numbers its frames and knows which of its buffers are where.

use device_class::net::*;
use shared_ring::page::HostPage;

use super::{Memory, OUTSIDE};

/// Each name has a stretch of this length, frames below, buffers above.
const STRETCH: usize = 2048;
const BUFFERS_FROM: usize = 64;

pub struct Client {
    pub session: NetClient<HostPage>,
    pub channel: u64,
    pub address: Address,
    /// Frames asked for so far: the number in the next one.
    pub asked: u32,
    /// Names of frames not answered yet.
    in_flight: Vec<u32>,
    /// How they were answered.
    pub sent: Vec<Status>,
    /// Frames that came.
    pub received: Vec<Vec<u8>>,
    /// Buffers that came back without one.
    pub spoilt: Vec<Received>,
    pub data: Memory,
    free: Vec<u32>,
}

/// Notes whether it was asked to notify.
struct Bell(bool);

impl Peer for Bell {
    fn notify(&mut self) {
        self.0 = true;
    }
    fn wait(&mut self) {
        unreachable!("the test decides who runs")
    }
}

/// A frame of 60 bytes with a number in it.
pub fn frame(destination: Address, source: Address, number: u32) -> Vec<u8> {
    let mut frame = vec![0xee; 60];
    frame[..6].copy_from_slice(&destination.0);
    frame[6..12].copy_from_slice(&source.0);
    frame[14..18].copy_from_slice(&number.to_le_bytes());
    frame
}

/// Source and number of a frame.
pub fn mark(frame: &[u8]) -> (Address, u32) {
    let header = Header::parse(frame.first_chunk().unwrap());
    (
        header.source,
        u32::from_le_bytes(frame[14..18].try_into().unwrap()),
    )
}

impl Client {
    pub fn new(session: NetClient<HostPage>, data: Memory, channel: u64) -> Self {
        Self {
            session,
            channel,
            address: Address::default(),
            asked: 0,
            in_flight: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            spoilt: Vec::new(),
            data,
            free: (0..64).collect(),
        }
    }

    /// Ask for the next frame to be sent; false: no room.
    pub fn ask(&mut self) -> bool {
        let bytes = frame(OUTSIDE, self.address, self.asked);
        let asked = self.ask_for(&bytes);
        self.asked += u32::from(asked);
        asked
    }

    /// Ask for these bytes to be sent.
    pub fn ask_for(&mut self, bytes: &[u8]) -> bool {
        self.ask_changed(bytes, |_| {})
    }

    /// Ask for these bytes to be sent, by a request that is changed like this.
    pub fn ask_changed(&mut self, bytes: &[u8], change: impl Fn(&mut NetRequest)) -> bool {
        let free = (0..64).find(|id| !self.in_flight.contains(id));
        let Some(id) = free.filter(|_| self.in_flight.len() < 64) else {
            return false;
        };
        let at = id as usize * STRETCH + HEADROOM as usize;
        self.data.put(at, bytes);
        let mut request = NetRequest {
            id,
            offset: at as u64,
            length: bytes.len() as u32,
            ..NetRequest::default()
        };
        change(&mut request);
        self.session.transmit_offloaded(request).unwrap();
        self.in_flight.push(id);
        true
    }

    /// Post so many buffers.
    pub fn post(&mut self, buffers: usize) {
        for _ in 0..buffers {
            let id = self.free.pop().expect("a free buffer");
            let at = (BUFFERS_FROM + id as usize) * STRETCH;
            self.session.post(id, at as u64, STRETCH as u32).unwrap();
        }
    }

    /// Post up to four more, as far as there is room.
    pub fn post_some(&mut self) {
        self.post(4.min(self.free.len()).min(64 - self.session.posted()));
    }

    /// Post a buffer at this place, whatever that is.
    pub fn post_at(&mut self, offset: u64, length: u32) {
        let id = self.free.pop().expect("a free buffer");
        self.session.post(id, offset, length).unwrap();
    }

    /// Post as many buffers as the ring takes, and look at no answer.
    pub fn post_rudely(&mut self) {
        while self.session.post(0, 0, STRETCH as u32).is_ok() {}
        self.session.commit(&mut Bell(false));
    }

    /// Hand over and take back; true: the shadow must be notified.
    pub fn exchange(&mut self) -> bool {
        let mut bell = Bell(false);
        self.session.awake();
        self.session.commit(&mut bell);
        while let Some(sent) = self.session.poll_sent().unwrap() {
            let at = self.in_flight.iter().position(|id| *id == sent.id);
            self.in_flight.remove(at.expect("answered exactly once"));
            self.sent.push(sent.status);
        }
        while let Some(received) = self.session.poll_received().unwrap() {
            assert!(!self.free.contains(&received.id), "answered exactly once");
            self.free.push(received.id);
            if received.status == Status::Ok {
                let at = (BUFFERS_FROM + received.id as usize) * STRETCH;
                self.received.push(self.data.bytes(at, received.length as usize));
            } else {
                self.spoilt.push(received);
            }
        }
        self.session.commit(&mut bell);
        assert!(self.session.sleep().unwrap(), "nobody else runs meanwhile");
        bell.0
    }

    /// Numbers in the frames that came.
    pub fn numbers(&self) -> Vec<u32> {
        self.received.iter().map(|frame| mark(frame).1).collect()
    }
}
