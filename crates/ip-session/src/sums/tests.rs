//! Beside the library's own sums.

use super::*;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, Ipv4Address, TcpPacket, UdpPacket};
use std::vec;
use std::vec::Vec;

extern crate std;

const ADDRESS: [[u8; 4]; 2] = [[10, 0, 2, 2], [192, 168, 255, 20]];

/// A frame with a header of so many words and this content, in a buffer.
fn frame(protocol: u8, header: usize, content: &[u8]) -> (Vec<u64>, usize) {
    let mut bytes = vec![0xa5; 12];
    bytes.extend(IPV4.to_be_bytes());
    let total = (4 * header + content.len()) as u16;
    bytes.extend([0x40 | header as u8, 0]);
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend(ADDRESS.concat());
    bytes.resize(ETHERNET + 4 * header, 1);
    bytes.extend(content);
    let length = bytes.len();
    // What lies behind a frame is not in its sum.
    bytes.resize((length + 9).next_multiple_of(8), 0xee);
    let words = bytes.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word));
    (words.collect(), length)
}

fn is_whole(words: &[u64], length: usize) -> bool {
    content(words, length, false).is_some()
}

fn addresses() -> [IpAddress; 2] {
    ADDRESS.map(|address| Ipv4Address::from(address).into())
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    let length = (UDP_HEADER + payload.len()) as u16;
    let mut datagram = vec![0x13, 0x88, 0, 7];
    datagram.extend(length.to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    datagram
}

fn segment(payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![7; TCP_HEADER];
    segment[12] = 0x50;
    segment[TCP_SUM..TCP_SUM + 2].fill(0);
    segment.extend(payload);
    segment
}

/// The library says that the sum in the frame is right.
fn library_agrees(words: &[u64], length: usize, header: usize, protocol: u8) -> bool {
    let content = &words.as_bytes()[ETHERNET + 4 * header..length];
    let [from, to] = addresses();
    if protocol == UDP {
        UdpPacket::new_checked(content)
            .unwrap()
            .verify_checksum(&from, &to)
    } else {
        TcpPacket::new_checked(content)
            .unwrap()
            .verify_checksum(&from, &to)
    }
}

proptest! {
    #[test]
    fn sums_are_those_of_the_library(
        payload in proptest::collection::vec(any::<u8>(), 0..1472),
        header in 5usize..=15,
        udp: bool,
        damage in any::<(proptest::sample::Index, u8)>(),
    ) {
        let (protocol, content) = if udp { (UDP, datagram(&payload)) } else { (TCP, segment(&payload)) };
        let (mut words, length) = frame(protocol, header, &content);
        complete(&mut words, length);
        prop_assert!(is_whole(&words, length));
        prop_assert!(library_agrees(&words, length, header, protocol));
        // Any byte that the sum covers, but those that say whether and where there is one.
        let start = ETHERNET + 4 * header;
        let at = start + damage.0.index(length - start);
        let says = if udp { UDP_LENGTH..UDP_SUM + 2 } else { 12..13 };
        prop_assume!(damage.1 != 0 && !says.contains(&(at - start)));
        words.as_mut_bytes()[at] ^= damage.1;
        prop_assert!(!is_whole(&words, length));
        prop_assert!(!library_agrees(&words, length, header, protocol));
    }

    #[test]
    fn whatever_comes_is_judged(bytes in proptest::collection::vec(any::<u8>(), 0..80), udp: bool, length in 0usize..200) {
        let (mut words, _) = frame(if udp { UDP } else { TCP }, 5, &bytes);
        words.as_mut_bytes()[VERSION] = bytes.first().copied().unwrap_or(0x45);
        let _ = is_whole(&words, length);
        complete(&mut words, length);
    }
}

#[test]
fn sums_that_are_all_zeroes_are_not_written() {
    // The payload makes the sum one that is written as zeroes.
    let (mut words, length) = frame(UDP, 5, &datagram(&[0; 2]));
    complete(&mut words, length);
    let at = ETHERNET + IPV4_HEADER + UDP_SUM;
    let rest = [words.as_bytes()[at], words.as_bytes()[at + 1]];
    let (mut words, length) = frame(UDP, 5, &datagram(&rest));
    complete(&mut words, length);
    assert_eq!(words.as_bytes()[at..at + 2], [0xff; 2]);
    assert!(is_whole(&words, length));
    assert!(library_agrees(&words, length, 5, UDP));
}

#[test]
fn datagram_without_a_sum_is_whole_and_a_segment_is_not() {
    let (words, length) = frame(UDP, 5, &datagram(b"none"));
    assert!(is_whole(&words, length));
    let (words, length) = frame(TCP, 5, &segment(b"none"));
    assert!(!is_whole(&words, length));
}

#[test]
fn lengths_that_cannot_be_are_not_whole() {
    let (words, length) = frame(UDP, 5, &datagram(b"longer than it is"));
    assert!(!is_whole(&words, length - 1), "shorter than IPv4 says");
    let mut longer = words.clone();
    longer.as_mut_bytes()[ETHERNET + IPV4_HEADER + UDP_LENGTH + 1] += 1;
    assert!(!is_whole(&longer, length), "shorter than UDP says");
    let (words, length) = frame(TCP, 5, &segment(b"")[..19]);
    assert!(!is_whole(&words, length), "no whole header");
    let (mut words, length) = frame(UDP, 5, &datagram(b""));
    words.as_mut_bytes()[VERSION] = 0x44;
    assert!(!is_whole(&words, length), "no whole header of IPv4");
}

#[test]
fn what_is_neither_is_left_alone() {
    let (mut words, length) = frame(1, 5, b"any protocol");
    let before = words.clone();
    complete(&mut words, length);
    assert!(is_whole(&words, length) && words == before);
    words.as_mut_bytes()[KIND] = 0x86;
    assert!(is_whole(&words, length));
    assert!(is_whole(&words, 7), "too short for a kind");
}

#[test]
fn library_leaves_room_for_the_sum() {
    // What `complete` adds up must not have a sum in it already.
    let mut bytes = [0xff; UDP_HEADER + 4];
    let [from, to] = addresses();
    let sums = ChecksumCapabilities::ignored();
    let repr = smoltcp::wire::UdpRepr {
        src_port: 1,
        dst_port: 2,
    };
    let mut packet = UdpPacket::new_unchecked(&mut bytes[..]);
    repr.emit(&mut packet, &from, &to, 4, |payload| payload.fill(0), &sums);
    assert_eq!(packet.checksum(), 0);
}
