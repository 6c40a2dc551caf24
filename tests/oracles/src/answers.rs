//! Whatever frames come to a session that answers datagrams past the IP library: what is a datagram for a service goes back once, whole,
//! to where it came from, with right sums, or is counted, and never goes to who would answer it in turn; all else is the library's as it
//! came, or nobody's; and nothing is written but answers, where answers belong.
//!
//! Input: frames, each with what the driver says of it.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use device_class::net::{ClientInfo, FLAG_VERIFIED, HEADROOM, NetClient, NetRequest, NetResponse};
use echo::{DISCARD, Datagrams, ECHO};
use ip_session::{BUFFER, Session, data_len};
use shared_ring::page::HostPage;
use shared_ring::requests::Nobody;
use shared_ring::{Area, HostMemory, Link};
use smoltcp::phy::{Device, RxToken};
use smoltcp::time::Instant;

const OURS: [u8; 4] = [10, 0, 2, 20];
const MTU: u16 = 1500;
/// Bytes before what a datagram carries: Ethernet's, IP's, its own.
const ETHERNET: usize = 14;
const HEADERS: usize = ETHERNET + 20 + 8;
/// Frames to be sent that there is room for; those that come have twice as much.
const FRAMES: usize = 2;
/// Ports below are services'.
const SERVICES: u16 = 1024;

thread_local! {
    static MEMORY: [HostMemory; 2] = [(); 2].map(|()| HostMemory::leaked(data_len(FRAMES) / 8));
}

/// See the module.
pub fn answers(bytes: &[u8]) {
    let [memory, other] = MEMORY.with(|memory| *memory);
    let mut station = Station::at(OURS, memory);
    let mut input = bytes;
    while let Some(came) = Frame::next(&mut input) {
        let dropped = station.session.dropped();
        let heard = station.hear(&came);
        let Some((port, end)) = datagram(&came) else {
            assert_eq!(heard.sent, None, "what is no datagram for a service goes nowhere");
            assert!(heard.library.is_none_or(|frame| frame == came.bytes));
            continue;
        };
        match port {
            ECHO | DISCARD => assert_eq!(heard.library, None, "it is answered past the library"),
            _ => assert_eq!(heard.library.as_deref(), Some(&*came.bytes)),
        }
        let goes_back = port == ECHO && asks(&came.bytes) && end <= ETHERNET + usize::from(MTU);
        assert_eq!(heard.sent.is_some(), goes_back);
        let lost = station.session.dropped() - dropped;
        assert_eq!(
            lost,
            u64::from(port == ECHO && !goes_back),
            "what does not go back is counted"
        );
        if let Some(answer) = heard.sent {
            is_the_same_the_other_way(&came.bytes[..end], &answer);
            let to = answer[30..34].try_into().expect("four bytes");
            let heard = Station::at(to, other).hear(&Frame::of(answer));
            assert_eq!(heard.sent, None, "two services answer each other");
        }
    }
    let good = Frame::of(hello());
    assert!(station.hear(&good).sent.is_some(), "served as if nothing were");
}

/// A frame, and what the driver says of it.
struct Frame {
    bytes: Vec<u8>,
    /// Bytes, as the driver says; there may be fewer.
    length: u32,
    verified: bool,
}

impl Frame {
    fn of(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u32,
            bytes,
            verified: false,
        }
    }

    /// Its bits, its length, how many bytes of it follow, and those; the others are zeroes.
    fn next(input: &mut &[u8]) -> Option<Self> {
        let (&[how, low, high, given], rest) = input.split_first_chunk()?;
        let (given, rest) = rest.split_at(usize::from(given).min(rest.len()));
        *input = rest;
        let length = u16::from_le_bytes([low, high]);
        let mut bytes = given.to_vec();
        bytes.resize(usize::from(length).min(BUFFER), 0);
        if how & 2 != 0 {
            mend_header(&mut bytes);
        }
        if how & 4 != 0 {
            mend_datagram(&mut bytes);
        }
        Some(Self {
            bytes,
            length: length.into(),
            verified: how & 1 != 0,
        })
    }
}

/// Who answers, with the shadow's ends of his links.
struct Station {
    session: Session<HostPage, Datagrams>,
    transmit: Link<NetResponse, NetRequest, HostPage>,
    receive: Link<NetResponse, NetRequest, HostPage>,
    data: Area,
    /// Those that he has posted.
    buffers: VecDeque<NetRequest>,
}

/// What became of a frame.
struct Heard {
    library: Option<Vec<u8>>,
    sent: Option<Vec<u8>>,
}

impl Station {
    fn at(address: [u8; 4], memory: HostMemory) -> Self {
        let link = || {
            let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
            (Link::over(ours.clone(), theirs.clone()), Link::over(theirs, ours))
        };
        let ((to, transmit), (from, receive)) = (link(), link());
        let info = ClientInfo {
            mtu: MTU,
            ..ClientInfo::default()
        };
        let address = Ipv4Addr::from(address);
        let client = NetClient::new(to, from);
        let session = Session::answering(client, memory.area(), &info, address, Datagrams);
        let mut this = Self {
            session: session.expect("there is room"),
            transmit,
            receive,
            data: memory.area(),
            buffers: VecDeque::new(),
        };
        this.exchange();
        this
    }

    fn hear(&mut self, came: &Frame) -> Heard {
        let buffer = self.buffers.pop_front().expect("all are posted again");
        let offset = buffer.offset as usize;
        assert!(self.data.write(offset, &came.bytes));
        let answer = NetResponse {
            id: buffer.id,
            length: came.length,
            flags: if came.verified { FLAG_VERIFIED } else { 0 },
            ..NetResponse::default()
        };
        self.receive.send(&answer).expect("there is room");
        let _ = self.receive.publish();
        let received = self.session.receive(Instant::ZERO);
        let library = received.map(|(frame, _)| frame.consume(<[u8]>::to_vec));
        assert!(self.session.receive(Instant::ZERO).is_none(), "only one came");
        let mut kept = vec![0; came.bytes.len()];
        assert!(self.data.read(offset, &mut kept) && kept == came.bytes);
        let sent = self.exchange();
        Heard { library, sent }
    }

    /// Takes what it sends, and what it posts.
    fn exchange(&mut self) -> Option<Vec<u8>> {
        self.session.commit(&mut Nobody);
        let request = self.transmit.recv().expect("a client that keeps the rules");
        let frame = request.map(|request| {
            let (offset, len) = (request.offset as usize, request.length as usize);
            let slot = offset - offset % BUFFER;
            assert!(slot >= 2 * FRAMES * BUFFER && offset == slot + HEADROOM as usize);
            assert!(len <= ETHERNET + usize::from(MTU));
            let mut frame = vec![0; len];
            assert!(self.data.read(offset, &mut frame));
            let answer = NetResponse {
                id: request.id,
                ..NetResponse::default()
            };
            self.transmit.send(&answer).expect("there is room");
            frame
        });
        let second = self.transmit.recv().expect("a client that keeps the rules");
        assert_eq!(second, None, "it goes back once");
        let _ = self.transmit.publish();
        while let Some(buffer) = self.receive.recv().expect("a client that keeps the rules") {
            self.buffers.push_back(buffer);
        }
        let _ = self.receive.publish();
        assert_eq!((self.buffers.len(), self.session.broken()), (2 * FRAMES, None));
        frame
    }
}

fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Its sender is no service, and so waits for an answer.
fn asks(frame: &[u8]) -> bool {
    pair(frame, 34) >= SERVICES && pair(frame, 34) != pair(frame, 36)
}

/// Of what is a whole datagram to us from a station: its port, and where it ends.
fn datagram(came: &Frame) -> Option<(u16, usize)> {
    let frame = &came.bytes;
    let whole = came.length as usize == frame.len() && frame.len() >= HEADERS;
    if !whole || frame[12..15] != [8, 0, 0x45] || frame[23] != 17 {
        return None;
    }
    let end = ETHERNET + usize::from(pair(frame, 16));
    let fits = (HEADERS..=frame.len()).contains(&end) && usize::from(pair(frame, 38)) + 34 == end;
    let in_pieces = frame[20] & 0x3f != 0 || frame[21] != 0;
    if !fits || in_pieces || sum(&frame[14..34]) != 0 {
        return None;
    }
    let sums = came.verified || frame[40..42] == [0; 2] || datagram_sum(&frame[..end]) == 0;
    let stations = (frame[0] | frame[6]) & 1 == 0;
    let hosts = frame[30..34] == OURS && frame[26..30] != OURS && ![0, 127].contains(&frame[26]);
    (sums && stations && hosts && frame[26] < 224).then(|| (pair(frame, 36), end))
}

/// The answer is what came with both ends exchanged, begins its way anew, and has right sums.
fn is_the_same_the_other_way(came: &[u8], answer: &[u8]) {
    let both = |frame: &[u8], places: [std::ops::Range<usize>; 3]| places.map(|place| frame[place].to_vec());
    assert_eq!(
        both(answer, [0..6, 30..34, 36..38]),
        both(came, [6..12, 26..30, 34..36])
    );
    assert_eq!(
        both(answer, [6..12, 26..30, 34..36]),
        both(came, [0..6, 30..34, 36..38])
    );
    // What lies between: all but the way left and the sums.
    assert_eq!(
        both(answer, [12..22, 38..40, 42..answer.len()]),
        both(came, [12..22, 38..40, 42..came.len()])
    );
    assert_eq!((answer[22], answer[23], answer.len()), (64, 17, came.len()));
    assert_eq!((sum(&answer[14..34]), datagram_sum(answer)), (0, 0));
    assert_ne!(answer[40..42], [0; 2], "its sum is said");
}

/// What is missing to a right sum (RFC 1071); nothing, if it stands there.
fn sum(bytes: &[u8]) -> u16 {
    let pairs = bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)));
    let sum: u64 = pairs.sum();
    // As 65535 is 0, and no sum of something is.
    match sum % 65535 {
        0 if sum != 0 => 0,
        rest => !(rest as u16),
    }
}

/// The same of a datagram, with the header that is thought before it (RFC 768).
fn datagram_sum(frame: &[u8]) -> u16 {
    let length = ((frame.len() - 34) as u16).to_be_bytes();
    sum(&[&frame[26..34], &[0, 17], &length, &frame[34..]].concat())
}

fn mend_header(frame: &mut [u8]) {
    if frame.len() >= 34 {
        frame[24..26].fill(0);
        let sum = sum(&frame[14..34]).to_be_bytes();
        frame[24..26].copy_from_slice(&sum);
    }
}

/// As far as there is a datagram.
fn mend_datagram(frame: &mut [u8]) {
    if frame.len() < HEADERS {
        return;
    }
    let end = 34 + usize::from(pair(frame, 38));
    if (HEADERS..=frame.len()).contains(&end) {
        frame[40..42].fill(0);
        let sum = match datagram_sum(&frame[..end]) {
            0 => u16::MAX,
            sum => sum,
        };
        frame[40..42].copy_from_slice(&sum.to_be_bytes());
    }
}

/// A datagram for the first of the services.
fn hello() -> Vec<u8> {
    let mut frame = vec![
        2, 0, 0, 0, 0, 20, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 2, 10,
        0, 2, 20, 0x13, 0x88, 0, 7, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o',
    ];
    mend_header(&mut frame);
    mend_datagram(&mut frame);
    frame
}
