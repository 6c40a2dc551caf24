//! The answer to who wants to connect, without the longest segment that we take.
//!
//! QEMU's user network (libslirp 4.7, `tcp_mss` and `sbreserve`) begins its buffers anew whenever it is told that length, even if the connection
//! stands and it has sent what the peer said. So an answer that comes twice (the first time the driver died before it could say that the frame was
//! sent, or the acknowledgement was lost) costs the peer's first words: they are never sent again, and both ends wait. Not told, it takes what its
//! own network has; others send us 536 bytes at a time (RFC 9293, section 3.7.1), so that a longer request comes in pieces.

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};

const END: u8 = 0;
const NOTHING: u8 = 1;
const SEGMENT_SIZE: u8 = 2;

/// Puts nothing in the place of the length, in a frame of the library's that answers who wants to connect.
pub(crate) fn forget_segment_size(frame: &mut [u8]) {
    let Ok(mut ethernet) = EthernetFrame::new_checked(frame) else {
        return;
    };
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return;
    }
    let Ok(mut ip) = Ipv4Packet::new_checked(ethernet.payload_mut()) else {
        return;
    };
    if ip.next_header() != IpProtocol::Tcp {
        return;
    }
    let Ok(mut tcp) = TcpPacket::new_checked(ip.payload_mut()) else {
        return;
    };
    if tcp.syn() && tcp.ack() {
        forget(tcp.options_mut());
    }
}

fn forget(mut options: &mut [u8]) {
    while let [kind, ..] = options {
        let len = match *kind {
            END => return,
            NOTHING => 1,
            _ => usize::from(options.get(1).copied().unwrap_or(0)),
        };
        // An option without a length would have no end.
        let Some((option, rest)) = options.split_at_mut_checked(len.max(1)) else {
            return;
        };
        if option[0] == SEGMENT_SIZE {
            option.fill(NOTHING);
        }
        options = rest;
    }
}

#[cfg(test)]
mod tests;
