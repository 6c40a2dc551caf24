//! The packets of a station that asks a gateway for echoes: ARP (RFC 826) and ICMP echo (RFC 792) over Ethernet.
#![no_std]

use device_class::net::{Address, BROADCAST, HEADER};

/// An IPv4 address.
pub type Ip = [u8; 4];

/// Bytes of the shortest frame on a wire, without check sequence.
const SHORTEST: usize = 60;
/// Bytes of IPv4 and ICMP header together.
const HEADERS: usize = 28;
const IPV4: [u8; 2] = [8, 0];
const ARP: [u8; 2] = [8, 6];
const ECHO_REPLY: u8 = 0;
const ECHO: u8 = 8;
/// Longest payload of an echo.
pub const PAYLOAD_MAX: usize = 1400;
/// Longest frame that is made here.
pub const FRAME_MAX: usize = HEADER + HEADERS + PAYLOAD_MAX;

/// A station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its Ethernet address.
    pub address: Address,
    /// Its IPv4 address.
    pub ip: Ip,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Where a station is.
    Here(Station),
    /// The echo of this number, whole and as it was sent.
    Echo(u16),
    /// It is for us, and not what it must be.
    Corrupt,
    /// It is for somebody else, who should have it alone.
    Stray,
    /// Nothing that was asked for.
    Other,
}

fn header(frame: &mut [u8], destination: Address, source: Address, kind: [u8; 2]) {
    frame[..6].copy_from_slice(&destination.0);
    frame[6..12].copy_from_slice(&source.0);
    frame[12..14].copy_from_slice(&kind);
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// Payload bytes of an echo of this number.
fn payload_len(number: u16) -> usize {
    8 + usize::from(number).wrapping_mul(37) % (PAYLOAD_MAX - 7)
}

fn payload(station: &Station, number: u16, at: usize) -> u8 {
    let mixed = u32::from(number).wrapping_mul(0x9e37_79b9) ^ (at as u32).wrapping_mul(0x85eb_ca6b);
    (mixed >> 24) as u8 ^ station.ip[3]
}

/// Ask where a station is; the frame's length.
pub fn ask(us: &Station, whom: Ip, frame: &mut [u8; FRAME_MAX]) -> usize {
    frame[..SHORTEST].fill(0);
    header(frame, BROADCAST, us.address, ARP);
    frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&us.address.0);
    frame[28..32].copy_from_slice(&us.ip);
    frame[38..42].copy_from_slice(&whom);
    SHORTEST
}

/// Ask for an echo; the frame's length.
pub fn echo(us: &Station, gateway: &Station, number: u16, frame: &mut [u8; FRAME_MAX]) -> usize {
    let len = payload_len(number);
    let end = HEADER + HEADERS + len;
    header(frame, gateway.address, us.address, IPV4);
    let (ip, icmp) = frame[HEADER..end].split_at_mut(20);
    let total = (HEADERS + len) as u16;
    ip.fill(0);
    (ip[0], ip[8], ip[9]) = (0x45, 64, 1);
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    ip[12..16].copy_from_slice(&us.ip);
    ip[16..20].copy_from_slice(&gateway.ip);
    let sum = checksum(ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    icmp[..8].copy_from_slice(&[ECHO, 0, 0, 0, 0, us.ip[3], 0, 0]);
    icmp[6..8].copy_from_slice(&number.to_be_bytes());
    for (at, byte) in icmp[8..].iter_mut().enumerate() {
        *byte = payload(us, number, at);
    }
    let sum = checksum(icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    end.max(SHORTEST)
}

/// What a frame says to this station.
pub fn hear(us: &Station, frame: &[u8]) -> Heard {
    let (Some(destination), Some(kind)) = (frame.first_chunk::<6>(), frame.get(12..14)) else {
        return Heard::Corrupt;
    };
    let destination = Address(*destination);
    if destination != us.address && !destination.is_group() {
        return Heard::Stray;
    }
    if kind == ARP {
        hear_arp(us, frame).unwrap_or(Heard::Other)
    } else if kind == IPV4 && destination == us.address {
        hear_echo(us, frame).unwrap_or(Heard::Corrupt)
    } else {
        Heard::Other
    }
}

fn hear_arp(us: &Station, frame: &[u8]) -> Option<Heard> {
    let answer = frame.get(20..22)? == [0, 2] && frame.get(38..42)? == us.ip;
    answer.then_some(Heard::Here(Station {
        address: Address(*frame.get(22..28)?.first_chunk()?),
        ip: *frame.get(28..32)?.first_chunk()?,
    }))
}

fn hear_echo(us: &Station, frame: &[u8]) -> Option<Heard> {
    let ip = frame.get(HEADER..HEADER + 20)?;
    let total = usize::from(u16::from_be_bytes(*ip.get(2..4)?.first_chunk()?));
    let icmp = frame.get(HEADER + 20..HEADER + total)?;
    if *ip.get(9)? != 1 || *icmp.first()? != ECHO_REPLY {
        return Some(Heard::Other);
    }
    let number = u16::from_be_bytes(*icmp.get(6..8)?.first_chunk()?);
    let content = icmp.get(8..)?;
    let whole = checksum(ip) == 0
        && checksum(icmp) == 0
        && ip[16..20] == us.ip
        && icmp.get(4..6)? == [0, us.ip[3]]
        && content.len() == payload_len(number)
        && content
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == payload(us, number, at));
    Some(if whole {
        Heard::Echo(number)
    } else {
        Heard::Corrupt
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Station = Station {
        address: Address([2, 0, 0, 0, 0, 15]),
        ip: [10, 0, 2, 15],
    };
    const GATEWAY: Station = Station {
        address: Address([0x52, 0x55, 10, 0, 2, 2]),
        ip: [10, 0, 2, 2],
    };

    /// What the gateway makes of an echo request.
    fn reflected(frame: &mut [u8]) {
        let (destination, source) = (GATEWAY.address, US.address);
        frame[..6].copy_from_slice(&source.0);
        frame[6..12].copy_from_slice(&destination.0);
        frame[26..30].copy_from_slice(&GATEWAY.ip);
        frame[30..34].copy_from_slice(&US.ip);
        frame[34] = ECHO_REPLY;
        frame[36..38].fill(0);
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let sum = checksum(&frame[34..14 + total]);
        frame[36..38].copy_from_slice(&sum.to_be_bytes());
    }

    #[test]
    fn echo_comes_back_whole_or_is_corrupt() {
        for number in [0, 1, 36, 37, u16::MAX] {
            let mut frame = [0; FRAME_MAX];
            let len = echo(&US, &GATEWAY, number, &mut frame);
            reflected(&mut frame[..len]);
            assert_eq!(hear(&US, &frame[..len]), Heard::Echo(number));
            frame[len - 1] ^= 1;
            let padding = len == SHORTEST && payload_len(number) < 18;
            assert!(padding || hear(&US, &frame[..len]) == Heard::Corrupt);
            assert_eq!(hear(&US, &frame[..len - 19]), Heard::Corrupt, "cut off");
        }
    }

    #[test]
    fn answer_says_where_the_gateway_is() {
        let mut frame = [0; FRAME_MAX];
        let len = ask(&GATEWAY, US.ip, &mut frame);
        assert_eq!(hear(&US, &frame[..len]), Heard::Other, "a question");
        frame[21] = 2;
        assert_eq!(hear(&US, &frame[..len]), Heard::Here(GATEWAY));
    }

    #[test]
    fn frame_of_another_station_is_a_stray() {
        let mut frame = [0; FRAME_MAX];
        let len = echo(&US, &GATEWAY, 1, &mut frame);
        assert_eq!(hear(&US, &frame[..len]), Heard::Stray);
        assert_eq!(hear(&US, &[]), Heard::Corrupt);
    }
}
