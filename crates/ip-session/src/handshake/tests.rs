use super::*;
use alloc::vec;
use alloc::vec::Vec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetRepr, IpAddress, Ipv4Address, Ipv4Repr, TcpControl, TcpRepr, TcpSeqNumber,
};

const FROM: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const TO: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// A segment of the library's making in a frame.
fn frame(control: TcpControl, answers: bool) -> Vec<u8> {
    let sums = ChecksumCapabilities::ignored();
    let tcp = TcpRepr {
        src_port: 80,
        dst_port: 5000,
        control,
        seq_number: TcpSeqNumber(1),
        ack_number: answers.then_some(TcpSeqNumber(2)),
        window_len: 2048,
        window_scale: Some(3),
        max_seg_size: Some(1460),
        sack_permitted: true,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[2, 4, 5, 180],
    };
    let ip = Ipv4Repr {
        src_addr: FROM,
        dst_addr: TO,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress([2; 6]),
        dst_addr: EthernetAddress([4; 6]),
        ethertype: EthernetProtocol::Ipv4,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + tcp.buffer_len()];
    let mut out = EthernetFrame::new_unchecked(&mut bytes[..]);
    ethernet.emit(&mut out);
    let mut out = Ipv4Packet::new_unchecked(out.payload_mut());
    ip.emit(&mut out, &sums);
    let mut out = TcpPacket::new_unchecked(out.payload_mut());
    tcp.emit(&mut out, &IpAddress::from(FROM), &IpAddress::from(TO), &sums);
    bytes
}

/// What the library reads in it.
fn read(bytes: &[u8]) -> TcpRepr<'_> {
    let ip = Ipv4Packet::new_checked(&bytes[14..]).unwrap();
    let tcp = TcpPacket::new_checked(&bytes[14 + usize::from(ip.header_len())..]).unwrap();
    TcpRepr::parse(&tcp, &FROM.into(), &TO.into(), &ChecksumCapabilities::ignored()).unwrap()
}

#[test]
fn answer_says_all_but_the_segment_size() {
    let mut bytes = frame(TcpControl::Syn, true);
    let before = bytes.clone();
    assert_eq!(read(&before).max_seg_size, Some(1460));
    forget_segment_size(&mut bytes);
    let without = TcpRepr {
        max_seg_size: None,
        ..read(&before)
    };
    assert_eq!(read(&bytes), without);
}

#[test]
fn all_others_are_as_they_were() {
    for (control, answers) in [
        (TcpControl::Syn, false),
        (TcpControl::None, true),
        (TcpControl::Fin, true),
    ] {
        let mut bytes = frame(control, answers);
        let before = bytes.clone();
        forget_segment_size(&mut bytes);
        assert_eq!(bytes, before);
    }
}

#[test]
fn options_of_any_length_are_no_danger() {
    let bytes = frame(TcpControl::Syn, true);
    for at in 54..bytes.len() {
        for value in [0, 1, 2, 3, 40, 255] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            forget_segment_size(&mut bytes);
        }
    }
    for len in 0..bytes.len() {
        forget_segment_size(&mut bytes[..len].to_vec());
    }
}
