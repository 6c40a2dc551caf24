//! Frames of the library's making go round, and the library reads what comes out.

use super::*;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr,
    UdpPacket, UdpRepr,
};

const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 20);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OUR_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 20]);
const HERE: u16 = 7;
const FORGETS: u16 = 9;
const HIGH: u16 = 7007;

struct Services;

impl Answers for Services {
    fn answer(&mut self, port: u16, _: &[u8]) -> Answer {
        match port {
            HERE | HIGH => Answer::Same,
            FORGETS => Answer::Nothing,
            _ => Answer::Nobody,
        }
    }
}

/// A datagram of the peer's in a buffer, and how long the frame is.
fn frame(to_port: u16, ttl: u8, payload: &[u8]) -> (Copied, usize) {
    let mut words: Copied = [0; crate::BUFFER / 8];
    let sums = ChecksumCapabilities::default();
    let udp = UdpRepr {
        src_port: 5000,
        dst_port: to_port,
    };
    let ip = Ipv4Repr {
        src_addr: PEER,
        dst_addr: OURS,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + payload.len(),
        hop_limit: ttl,
    };
    let ethernet = EthernetRepr {
        src_addr: PEER_MAC,
        dst_addr: OUR_MAC,
        ethertype: EthernetProtocol::Ipv4,
    };
    let length = HEADERS + payload.len();
    let mut out = EthernetFrame::new_unchecked(&mut words.as_mut_bytes()[..length]);
    ethernet.emit(&mut out);
    let mut out = Ipv4Packet::new_unchecked(out.payload_mut());
    ip.emit(&mut out, &sums);
    let mut out = UdpPacket::new_unchecked(out.payload_mut());
    udp.emit(
        &mut out,
        &PEER.into(),
        &OURS.into(),
        payload.len(),
        |bytes| bytes.copy_from_slice(payload),
        &sums,
    );
    (words, length)
}

/// Of a frame whose sum is not looked at.
fn turned(words: &mut Copied, length: usize, verified: bool) -> Option<Turned> {
    let content = sums::content(words, length, true)?;
    turn_round(words, &content, verified, OURS, &mut Services)
}

proptest! {
    #[test]
    fn datagram_goes_back_whole_to_where_it_came_from(
        payload in proptest::collection::vec(any::<u8>(), 0..=1472), ttl in 1u8.., padding in 0usize..20,
        sum in proptest::option::of(any::<bool>()),
    ) {
        let (mut words, length) = frame(HERE, ttl, &payload);
        // None: as it was sent. Otherwise none was sent, or the driver has seen to it and what stands there is none.
        if let Some(verified) = sum {
            words.as_mut_bytes()[SUM..HEADERS].fill(if verified { 0x5a } else { 0 });
        }
        let round = turned(&mut words, length + padding, sum == Some(true));
        prop_assert_eq!(round, Some(Turned::Round(length)));
        let bytes = &words.as_bytes()[..length];
        let ethernet = EthernetFrame::new_checked(bytes).unwrap();
        prop_assert_eq!((ethernet.src_addr(), ethernet.dst_addr()), (OUR_MAC, PEER_MAC));
        let ip = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
        prop_assert!(ip.verify_checksum());
        prop_assert_eq!((ip.src_addr(), ip.dst_addr(), ip.hop_limit()), (OURS, PEER, TTL_START));
        let udp = UdpPacket::new_checked(ip.payload()).unwrap();
        prop_assert!(udp.checksum() != 0 && udp.verify_checksum(&OURS.into(), &PEER.into()));
        prop_assert_eq!((udp.src_port(), udp.dst_port()), (HERE, 5000));
        prop_assert_eq!(udp.payload(), &payload[..]);
    }
}

#[test]
fn what_nobody_takes_is_the_librarys_as_it_was() {
    let (mut words, length) = frame(8, 64, b"hello");
    let before = words;
    assert_eq!(turned(&mut words, length, false), None);
    assert!(words == before);
    let (mut words, length) = frame(FORGETS, 64, b"hello");
    assert_eq!(turned(&mut words, length, false), Some(Turned::Taken));
}

#[test]
fn what_is_not_plain_is_the_librarys_as_it_was() {
    // Where, what stands there, whether the header's sum is to be right all the same.
    let changes: [(&str, usize, &[u8], bool); 14] = [
        ("to all", 0, &[0xff; 6], true),
        ("to a group", 0, &[1], true),
        ("from a group", SOURCE, &[3], true),
        ("another protocol's frame", 12, &[0x86, 0xdd], true),
        ("options", 14, &[0x46], true),
        ("first fragment", FRAGMENT, &[0x20], true),
        ("last fragment", FRAGMENT, &[0, 1], true),
        ("no datagram", TTL + 1, &[6], true),
        ("broken header", TTL, &[65], false),
        ("to somebody else", TO, &[10, 0, 2, 255], true),
        ("from nobody", FROM, &[0; 4], true),
        ("from a group of hosts", FROM, &[224, 0, 0, 1], true),
        ("from all", FROM, &[255; 4], true),
        ("from itself", FROM, &[127, 0, 0, 1], true),
    ];
    for (what, at, bytes, right) in changes {
        let (mut words, length) = frame(HERE, 64, b"hello");
        words.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
        if right {
            sums::complete_header(&mut words);
        }
        let before = words;
        assert_eq!(turned(&mut words, length, false), None, "{what}");
        assert!(words == before, "{what}");
    }
    let (mut words, length) = frame(HERE, 64, b"hello");
    words.as_mut_bytes()[FROM..FROM + 4].copy_from_slice(&OURS.octets());
    sums::complete_header(&mut words);
    assert_eq!(turned(&mut words, length, false), None, "from us");
}

#[test]
fn what_a_service_would_answer_in_turn_goes_nowhere_and_what_it_asks_nobody_to_answer_is_taken() {
    let from = |from: u16, to| {
        let (mut words, length) = frame(to, 64, b"hello");
        words.as_mut_bytes()[FROM_PORT..FROM_PORT + 2].copy_from_slice(&from.to_be_bytes());
        let before = words;
        (turned(&mut words, length, true), words == before)
    };
    for (port, to) in [(0, HERE), (HERE, HERE), (1023, HERE), (HERE, HIGH), (HIGH, HIGH)] {
        assert_eq!(from(port, to), (Some(Turned::Refused), true), "{port} to {to}");
    }
    for (port, to) in [(1024, HERE), (HIGH, HERE), (1024, HIGH)] {
        assert!(
            matches!(from(port, to), (Some(Turned::Round(_)), false)),
            "{port} to {to}"
        );
    }
    assert_eq!(from(HERE, FORGETS), (Some(Turned::Taken), true));
    assert_eq!(from(HERE, 8), (None, true), "the library's");
}

#[test]
fn no_length_is_believed() {
    let (words, length) = frame(HERE, 64, &[7; 100]);
    for short in 0..length {
        assert_eq!(turned(&mut { words }, short, false), None);
    }
    for (at, value) in [
        (16, [0xff; 2]),
        (16, [0, 27]),
        (38, [0xff; 2]),
        (38, [0, 7]),
        (38, [0, 20]),
    ] {
        let mut words = words;
        words.as_mut_bytes()[at..at + 2].copy_from_slice(&value);
        sums::complete_header(&mut words);
        assert_eq!(turned(&mut words, length, false), None);
    }
}

#[test]
fn frames_of_any_bytes_are_no_danger() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let (template, _) = frame(HERE, 64, &[1; 300]);
    let changes = proptest::collection::vec((0usize..60, any::<u8>()), 0..6);
    runner
        .run(
            &(changes, 0usize..2100, any::<bool>()),
            |(changes, length, verified)| {
                let mut words = template;
                for (at, value) in changes {
                    words.as_mut_bytes()[at] = value;
                }
                sums::complete_header(&mut words);
                if let Some(Turned::Round(end)) = turned(&mut words, length, verified) {
                    prop_assert!((HEADERS..=length).contains(&end));
                }
                Ok(())
            },
        )
        .unwrap();
}
