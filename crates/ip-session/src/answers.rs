//! Datagrams that go back in the frame in which they came, or nowhere: services that say no more than that (RFC 862, 863) need no
//! socket of the library's, with a copy into its buffer and one out of it, and a look at all other sockets for each.
//!
//! What is not as plain as a datagram can be is left to the library: other protocols, fragments, options, another destination than
//! our address, a source that cannot be answered. What would be answered by a service in its turn goes nowhere.

use core::net::Ipv4Addr;

use zerocopy::IntoBytes;

use crate::session::Copied;
use crate::sums::{self, Content};

/// Offsets in a frame.
const SOURCE: usize = 6;
const IP: usize = 14;
const TOTAL: usize = 16;
const FRAGMENT: usize = 20;
const TTL: usize = 22;
const FROM: usize = 26;
const TO: usize = 30;
const UDP: usize = 34;
const FROM_PORT: usize = 34;
const TO_PORT: usize = 36;
const SUM: usize = 40;
/// Bytes of the three headers.
const HEADERS: usize = 42;
/// Says of an Ethernet address that it is no station's.
const GROUP: u8 = 1;
/// "More fragments" and the offset (RFC 791); what neither has is whole.
const FRAGMENT_BITS: u16 = 0x3fff;
/// As of any packet that begins here (RFC 1700).
const TTL_START: u8 = 64;

/// Ports below are services' (RFC 6335, section 6), of which some answer whatever comes. They ask nothing.
const SERVICES: u16 = 1024;

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody is at the port: the library may have a socket there.
    Nobody,
    /// It was taken, and nothing goes back.
    Nothing,
    /// It goes back as it is.
    Same,
}

/// Who takes datagrams.
pub trait Answers {
    /// A datagram has come to `port`, and is as it was sent.
    fn answer(&mut self, port: u16, datagram: &[u8]) -> Answer;
}

/// Nobody takes any.
impl Answers for () {
    fn answer(&mut self, _: u16, _: &[u8]) -> Answer {
        Answer::Nobody
    }
}

/// What has become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Nothing is to be sent.
    Taken,
    /// Nothing is sent, as whoever gets it would answer it.
    Refused,
    /// It is the answer, and so many bytes long.
    Round(usize),
}

/// Lets the services answer a frame whose sum was found right, by the driver (`verified`) or by us. `None`: it is the library's, and
/// as it was.
pub(crate) fn turn_round(
    words: &mut Copied,
    content: &Content,
    verified: bool,
    address: Ipv4Addr,
    services: &mut impl Answers,
) -> Option<Turned> {
    let end = match content {
        Content::Datagram(place) if place.start == UDP => place.end,
        _ => return None,
    };
    let (head, rest) = words.as_bytes().split_first_chunk::<HEADERS>()?;
    let pair = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let from = Ipv4Addr::new(head[FROM], head[FROM + 1], head[FROM + 2], head[FROM + 3]);
    let to = Ipv4Addr::new(head[TO], head[TO + 1], head[TO + 2], head[TO + 3]);
    let answerable = to == address && from != to && is_station(from);
    // A packet that has more than the datagram would go back shorter than its header says.
    let whole = pair(FRAGMENT) & FRAGMENT_BITS == 0
        && IP + usize::from(pair(TOTAL)) == end
        && sums::header_is_whole(words);
    if !answerable || !whole || (head[0] | head[SOURCE]) & GROUP != 0 {
        return None;
    }
    match services.answer(pair(TO_PORT), rest.get(..end.checked_sub(HEADERS)?)?) {
        Answer::Nobody => None,
        Answer::Nothing => Some(Turned::Taken),
        // Two services would answer each other for ever, and nobody would have asked them but for a datagram with a forged source.
        Answer::Same if pair(FROM_PORT) < SERVICES || pair(FROM_PORT) == pair(TO_PORT) => {
            Some(Turned::Refused)
        }
        Answer::Same => {
            go_back(words, end, verified);
            Some(Turned::Round(end))
        }
    }
}

/// An address that one station has (RFC 1122, 3.2.1.3).
fn is_station(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first < 224 && !address.is_loopback()
}

/// Exchanges both ends. The sums add up to what they did before; what was never in the frame is written there.
fn go_back(words: &mut Copied, end: usize, verified: bool) {
    let Some(head) = words.as_mut_bytes().first_chunk_mut::<HEADERS>() else {
        return;
    };
    for at in 0..6 {
        head.swap(at, SOURCE + at);
    }
    for at in 0..4 {
        head.swap(FROM + at, TO + at);
    }
    for at in 0..2 {
        head.swap(FROM_PORT + at, TO_PORT + at);
    }
    let as_sent = !verified && head[SUM..HEADERS] != [0; 2];
    let travelled = core::mem::replace(&mut head[TTL], TTL_START) != TTL_START;
    if !as_sent {
        head[SUM..HEADERS].fill(0);
    }
    if travelled {
        sums::complete_header(words);
    }
    if !as_sent {
        sums::complete(words, end);
    }
}

#[cfg(test)]
mod tests;
