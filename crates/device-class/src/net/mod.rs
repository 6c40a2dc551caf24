//! The network class: Ethernet frames by offset into a data region.
//!
//! A session has two links, one per direction (sDDF: free and active queue of each). On the *transmit* link the client asks for
//! frames to be sent and is answered when they are; on the *receive* link it posts buffers and is answered when a frame for
//! it is in one. The same layouts serve client ↔ shadow and shadow ↔ driver. Towards the driver, which has one link for all,
//! the shadow fills in `generation` and `region`; from a client both must be 0.
//!
//! What a client may rely on ("semantics" of the class ABI hash):
//! - A frame is Ethernet II without preamble and check sequence: destination, source, type, at most `mtu` bytes. The driver
//!   pads it if its device does not. The source is the session's own address, else the frame is answered
//!   [`Status::Spoofed`] and not sent.
//! - Frames of one session are sent in the order in which they were asked for. Every one is answered exactly once, as long as
//!   the client keeps the rules of the links; until then its buffer belongs to the driver. At most [`IN_FLIGHT_MAX`] are taken
//!   from a session at a time; the rest waits in the ring.
//! - An accepted frame outlives its driver: the next one sends it. What the old one sent and did not live to answer is
//!   sent again, so others may see a frame twice, and then an earlier one after a later one. Ethernet allows both.
//! - The [`HEADROOM`] bytes before a frame to be sent belong to it: the driver may put its device's header there.
//! - A session receives what is sent to its own address, and of broadcast, multicast and all else what its filter says. A
//!   frame for which it has posted no buffer is dropped and counted; nobody else misses it for that.
//! - A buffer too short for the frame that came is answered [`Status::Truncated`] with the frame's length, and no data.
//! - A frame of at most `mtu` bytes of payload is never `Invalid` for its length; the limit never shrinks for a client but by an
//!   update under policy `degrade` or `force`, and then such a frame is answered `CapabilityLost`. The same holds for offloads.
//!
//! What a driver must do: answer [`Op::Transmit`] when the device has sent the frame, in order; keep [`Op::Receive`] until a
//! frame has come, whole, and say where in the buffer it begins and how long it is; keep [`Op::Link`] until the link is not as
//! the request says.

mod address;
mod calls;
mod client;
mod record;

pub use address::{Address, BROADCAST, HEADER, Header, group_bit};
pub use calls::{
    CallReply, ClientCall, ClientInfo, Drops, FILTER_ALL_GROUPS, FILTER_BROADCAST, FILTER_EVERYTHING, Filter,
    Strays, Traffic,
};
pub use client::{InfoError, NetClient, Port, Received, Sent};
pub use record::*;
pub use shared_ring::requests::{Peer, RequestError};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most frames of one session that the shadow has accepted and not answered.
pub const IN_FLIGHT_MAX: usize = 32;
/// Bytes before a frame to be sent that the driver may write: its device's header.
pub const HEADROOM: u64 = 16;
/// Bytes of a receive buffer of the shadow's own, driver's header and frame together.
pub const RECEIVE_BUFFER: u32 = 2040;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// Send the frame in the data region.
    Transmit = 1,
    /// Here is a buffer for a frame that comes.
    Receive = 2,
    /// Shadow → driver: take these frames from the wire at least. `flags` has `FILTER_*` bits, `offset` a multicast filter
    /// ([`group_bit`]). What the device cannot tell apart it takes. It is in force when it is answered.
    Filter = 3,
    /// Shadow → driver: answer when the link is not as `length` says (one of the `LINK_*`); the answer's `length` says how
    /// it is. `Unsupported` from a driver that cannot know; it is not asked again.
    Link = 4,
}

impl Op {
    /// From the byte of a request.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Transmit,
            2 => Self::Receive,
            3 => Self::Filter,
            4 => Self::Link,
            _ => return None,
        })
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The device reported an error: the frame was not sent, or came damaged.
    IoError = 1,
    /// Frame or headroom lie outside the data region.
    OutOfRange = 2,
    /// The request makes no sense (unknown op, wrong link, reserved field set, shorter than a header, longer than may be sent).
    Invalid = 3,
    /// The frame's source is not the session's address.
    Spoofed = 4,
    /// The device never had this capability.
    Unsupported = 5,
    /// An update took this capability away and the operator accepted it (policy `degrade` or `force`).
    CapabilityLost = 6,
    /// There is no working driver and the shadow's patience has ended. A device that could not be reset may still send the
    /// frame: its buffer is not to be used for anything else before the device works again.
    Offline = 7,
    /// The buffer is too short for the frame that came.
    Truncated = 8,
}

impl Status {
    /// From the byte of a response.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Ok,
            1 => Self::IoError,
            2 => Self::OutOfRange,
            3 => Self::Invalid,
            4 => Self::Spoofed,
            5 => Self::Unsupported,
            6 => Self::CapabilityLost,
            7 => Self::Offline,
            8 => Self::Truncated,
            _ => return None,
        })
    }
}

/// Transmit: compute the Internet checksum over the frame from `checksum_start` on, and put it at
/// `checksum_start + checksum_offset`. What stands there is the sum of the pseudo header (as virtio 1.2, 5.1.6.2 has it).
pub const FLAG_CHECKSUM: u8 = 1 << 0;
/// Transmit: cut what follows the TCP header (IPv4) into segments of `segment` bytes. Goes with [`FLAG_CHECKSUM`].
pub const FLAG_SEGMENT_4: u8 = 1 << 1;
/// The same for IPv6.
pub const FLAG_SEGMENT_6: u8 = 1 << 2;
/// Answer to a receive: the device has verified the checksums of the transport layer, or the frame never was on a wire.
pub const FLAG_VERIFIED: u8 = 1 << 3;

/// One request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetRequest {
    /// Chosen by the sender, returned in the response; unique among the sender's requests in flight on this link.
    pub id: u32,
    /// Generation of the driver (shadow → driver), 0 from a client.
    pub generation: u32,
    /// An [`Op`].
    pub op: u8,
    /// `FLAG_*` bits of a frame to be sent, `FILTER_*` bits of a filter, else 0.
    pub flags: u8,
    /// Index of the data region (shadow → driver), 0 from a client.
    pub region: u16,
    /// Bytes: of the frame to be sent, or of the buffer for one that comes.
    pub length: u32,
    /// Offset of frame or buffer in its region, in bytes.
    pub offset: u64,
    /// With [`FLAG_CHECKSUM`]: first byte of the frame that is summed up, else 0.
    pub checksum_start: u16,
    /// With [`FLAG_CHECKSUM`]: where the sum goes, from there, else 0.
    pub checksum_offset: u16,
    /// With a `FLAG_SEGMENT_*`: payload bytes of a segment, else 0.
    pub segment: u16,
    /// With a `FLAG_SEGMENT_*`: bytes of all headers together, else 0.
    pub headers: u16,
}
const _: () = assert!(size_of::<NetRequest>() == 32);

/// One response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetResponse {
    /// The request's.
    pub id: u32,
    /// The request's.
    pub generation: u32,
    /// A [`Status`].
    pub status: u8,
    /// [`FLAG_VERIFIED`] or 0.
    pub flags: u8,
    /// Driver → shadow, of a receive: where in the buffer the frame begins, behind the device's header. Else 0.
    pub start: u16,
    /// Bytes of the frame that came; of a link, how it is. Else 0.
    pub length: u32,
}
const _: () = assert!(size_of::<NetResponse>() == 16);
