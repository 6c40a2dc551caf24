//! Checksums of UDP and TCP over IPv4 (RFC 1071, 768, 9293), by words of a buffer that is aligned.
//!
//! The library adds up two bytes at a time, which the compiler loads one by one on our target.

use core::ops::Range;

use zerocopy::IntoBytes;

const ETHERNET: usize = 14;
/// Ethernet's type, IPv4's version and header length, total length, protocol, addresses.
const KIND: usize = 12;
const VERSION: usize = ETHERNET;
const TOTAL: usize = ETHERNET + 2;
const PROTOCOL: usize = ETHERNET + 9;
const ADDRESSES: usize = ETHERNET + 12;
const _: () = assert!(ADDRESSES % 8 == 2 && PROTOCOL % 2 == 1);
const IPV4: u16 = 0x0800;
/// Shortest header of IPv4.
const IPV4_HEADER: usize = 20;
const HEADER_SUM: usize = 10;
const TCP: u8 = 6;
const TCP_HEADER: usize = 20;
const TCP_SUM: usize = 16;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const UDP_LENGTH: usize = 4;
const UDP_SUM: usize = 6;

/// What a sum is of, as places in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Covered {
    protocol: u8,
    start: usize,
    end: usize,
    /// Where the sum stands.
    sum: usize,
}

/// What a frame that came is to those who do not look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A datagram of UDP, from its header to its end.
    Datagram(Range<usize>),
    Other,
}

/// Whether a frame has such a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Covered(Covered),
    /// Another protocol's.
    Other,
    /// No length in it can be.
    Misshapen,
}

/// The pair of bytes at an even place; zeroes behind the buffer.
#[inline]
fn pair(words: &[u64], at: usize) -> u16 {
    let word = u64::from_le(words.get(at / 8).copied().unwrap_or(0));
    ((word >> (8 * (at % 8))) as u16).swap_bytes()
}

fn find(words: &[u64], length: usize) -> Found {
    if length < ETHERNET || pair(words, KIND) != IPV4 {
        return Found::Other;
    }
    if length < ADDRESSES {
        return Found::Misshapen;
    }
    let (version, protocol) = ((pair(words, VERSION) >> 8) as u8, pair(words, PROTOCOL - 1) as u8);
    if protocol != UDP && protocol != TCP {
        return Found::Other;
    }
    covered(words, length, version, protocol).map_or(Found::Misshapen, Found::Covered)
}

fn covered(words: &[u64], length: usize, version: u8, protocol: u8) -> Option<Covered> {
    let header = usize::from(version & 0xf) * 4;
    let start = ETHERNET + header;
    let end = ETHERNET + usize::from(pair(words, TOTAL));
    let content = end.checked_sub(start)?;
    if version >> 4 != 4 || header < IPV4_HEADER || end > length {
        return None;
    }
    if protocol == TCP {
        return (content >= TCP_HEADER).then_some(Covered {
            protocol,
            start,
            end,
            sum: start + TCP_SUM,
        });
    }
    let datagram = usize::from(pair(words, start + UDP_LENGTH));
    (UDP_HEADER..=content).contains(&datagram).then_some(Covered {
        protocol,
        start,
        end: start + datagram,
        sum: start + UDP_SUM,
    })
}

/// Adds as one's complements do: what is carried out comes in again. Sums of words and of pairs of bytes are then the same, modulo 65535.
fn plus(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u64::from(carry)
}

/// The sum of the pairs of bytes from `start`, an even number, to `end`; the first byte of a pair is the lower one.
fn add_up(words: &[u64], start: usize, end: usize) -> u64 {
    let word = |index: usize| u64::from_le(words.get(index).copied().unwrap_or(0));
    // The lowest bytes of a word, fewer than all.
    let lowest = |index: usize, bytes: usize| word(index) & !(u64::MAX << (8 * bytes));
    let (first, last) = (start / 8, end / 8);
    let whole = words.get(first..last).unwrap_or_default();
    let (blocks, rest) = whole.as_chunks::<8>();
    let (mut sum, mut carry) = (lowest(last, end % 8), false);
    for block in blocks {
        for word in block {
            (sum, carry) = sum.carrying_add(u64::from_le(*word), carry);
        }
    }
    for word in rest {
        (sum, carry) = sum.carrying_add(u64::from_le(*word), carry);
    }
    // The complement of what the first word has before the range takes that away.
    plus(plus(sum, carry.into()), !lowest(first, start % 8))
}

/// The sum of what is covered, the sum that stands there included, and of the header that is thought before it.
fn sum(words: &[u64], covered: &Covered) -> u16 {
    let length = ((covered.end - covered.start) as u16).to_be_bytes();
    let lone = [[0, covered.protocol], length].map(|pair| u64::from(u16::from_le_bytes(pair)));
    let word = |index: usize| u64::from_le(words.get(index).copied().unwrap_or(0));
    // Six bytes of the addresses, and the last two; with the rest that is far from 2^64.
    let addresses = (word(ADDRESSES / 8) >> 16) + (word(ADDRESSES / 8 + 1) & 0xffff);
    let sum = plus(
        add_up(words, covered.start, covered.end),
        addresses + lone[0] + lone[1],
    );
    folded(sum)
}

/// A sum of pairs of bytes as one pair.
fn folded(mut sum: u64) -> u16 {
    for half in [32, 16, 16, 16] {
        sum = (sum & ((1 << half) - 1)) + (sum >> half);
    }
    sum as u16
}

/// The sum of a header of IPv4 without options, its own sum included.
fn header_sum(words: &[u64]) -> u16 {
    const { assert!(ETHERNET % 8 == 6 && (ETHERNET + IPV4_HEADER) % 8 == 2) }
    let word = |index: usize| u64::from_le(words.get(ETHERNET / 8 + index).copied().unwrap_or(0));
    folded(plus(plus(word(1), word(2)), (word(0) >> 48) + (word(3) & 0xffff)))
}

/// Whether a header of IPv4 without options is as it was sent.
pub(crate) fn header_is_whole(words: &[u64]) -> bool {
    header_sum(words) == u16::MAX
}

/// Writes its sum into a header of IPv4 without options.
pub(crate) fn complete_header(words: &mut [u64]) {
    let place = ETHERNET + HEADER_SUM..ETHERNET + HEADER_SUM + 2;
    if let Some(sum) = words.as_mut_bytes().get_mut(place.clone()) {
        sum.fill(0);
    }
    let sum = !header_sum(words);
    if let Some(place) = words.as_mut_bytes().get_mut(place) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

/// What is in the frame at the beginning of a buffer, if that is as it was sent, as far as UDP and TCP can say, or the driver did
/// (`verified`). What is neither is for others to judge; what is one of them and cannot be is not as it was sent.
pub(crate) fn content(words: &[u64], length: usize, verified: bool) -> Option<Content> {
    let covered = match find(words, length) {
        Found::Covered(covered) => covered,
        Found::Misshapen if !verified => return None,
        Found::Misshapen | Found::Other => return Some(Content::Other),
    };
    let is_datagram = covered.protocol == UDP;
    // A sender of datagrams may do without.
    let is_right =
        verified || is_datagram && pair(words, covered.sum) == 0 || sum(words, &covered) == u16::MAX;
    is_right.then_some(if is_datagram {
        Content::Datagram(covered.start..covered.end)
    } else {
        Content::Other
    })
}

/// Writes the sum, in whose place there are zeroes, into a frame to be sent, if it is of UDP or TCP.
pub(crate) fn complete(words: &mut [u64], length: usize) {
    let Found::Covered(covered) = find(words, length) else {
        return;
    };
    let sum = match !sum(words, &covered) {
        // In UDP this would say that there is none; the other zero means the same number.
        0 => u16::MAX,
        sum => sum,
    };
    if let Some(place) = words.as_mut_bytes().get_mut(covered.sum..covered.sum + 2) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
