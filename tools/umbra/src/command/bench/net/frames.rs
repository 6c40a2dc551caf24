//! Frames that the host sends.

/// Our address, and the client's.
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 2];
const CLIENT: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x0f];
/// The echo server's.
const SERVER: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x14];
const OUR_IP: [u8; 4] = [10, 0, 2, 2];
const SERVER_IP: [u8; 4] = [10, 0, 2, 20];
/// A port of ours, and that of echoes (RFC 862).
const OUR_PORT: u16 = 4000;
const ECHO: u16 = 7;
/// For experiments (IEEE 802, 9.2.3).
const EXPERIMENT: u16 = 0x88b5;
const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const UDP: u8 = 17;

fn frame(destination: [u8; 6], kind: u16, content: &[&[u8]]) -> Vec<u8> {
    [&destination[..], &OURS, &kind.to_be_bytes(), &content.concat()].concat()
}

/// A frame of so many bytes that nobody looks into.
pub fn plain(length: usize) -> Vec<u8> {
    let mut frame = frame(CLIENT, EXPERIMENT, &[]);
    frame.resize(length, 0);
    frame
}

/// Who has the server's address (RFC 826)? Whoever answers knows ours.
pub fn who_has() -> Vec<u8> {
    let header = [0, 1, 8, 0, 6, 4, 0, 1];
    let mut asked = frame([0xff; 6], ARP, &[&header, &OURS, &OUR_IP, &[0; 6], &SERVER_IP]);
    asked.resize(60, 0);
    asked
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum: u64 = bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

/// A datagram to the port of echoes (RFC 768) with so many bytes.
pub fn datagram(payload: usize) -> Vec<u8> {
    let length = (payload + 8) as u16;
    let content: Vec<u8> = (0..payload).map(|at| at as u8).collect();
    let ports = [OUR_PORT.to_be_bytes(), ECHO.to_be_bytes(), length.to_be_bytes()].concat();
    let pseudo = [&OUR_IP[..], &SERVER_IP, &[0, UDP], &length.to_be_bytes()].concat();
    let sum = checksum(&[&pseudo[..], &ports, &[0; 2], &content].concat());
    let mut ip = [
        &[0x45, 0][..],
        &(length + 20).to_be_bytes(),
        &[0, 0, 0, 0, 64, UDP, 0, 0],
        &OUR_IP,
        &SERVER_IP,
    ]
    .concat();
    let own = checksum(&ip);
    ip[10..12].copy_from_slice(&own);
    frame(SERVER, IPV4, &[&ip, &ports, &sum, &content])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_as_long_as_the_frames_they_stand_for() {
        assert_eq!((datagram(22).len(), datagram(1472).len()), (64, 1514));
        assert_eq!(plain(64).len(), 64);
    }

    #[test]
    fn headers_and_content_add_up() {
        let frame = datagram(1472);
        assert_eq!(checksum(&frame[14..34]), [0; 2]);
        let pseudo = [&frame[26..34], &[0, UDP], &frame[38..40]].concat();
        assert_eq!(checksum(&[&pseudo[..], &frame[34..]].concat()), [0; 2]);
    }
}
