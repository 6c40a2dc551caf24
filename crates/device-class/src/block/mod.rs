//! The block class: requests in blocks of the device's block size, data by offset into a data region.
//!
//! The same layouts serve client ↔ shadow and shadow ↔ driver (sDDF: `blk_req`/`blk_resp`). Towards the
//! driver the shadow fills in `generation` and `region`, and block numbers count from the start of the device;
//! from a client both must be 0, and block numbers count from the start of its partition.
//!
//! What a client may rely on ("semantics" of the class ABI hash):
//! - Requests may be carried out in any order, with one exception: of two requests of one session whose blocks overlap
//!   and of which one writes (write, discard, write-zeroes), the one sent first is answered before the other is begun.
//! - A flush covers every write that was *answered* before the flush was sent, and no other.
//! - Every request is answered exactly once, as long as the client keeps the rules of the link. At most [`IN_FLIGHT_MAX`]
//!   are taken from a session at a time; the rest waits in the ring.
//! - A request longer than the driver's `max_transfer` is `Invalid`; that limit never shrinks for a client but by an
//!   update under policy `degrade`, and then such a request is answered `CapabilityLost`.

mod client;

pub use client::{BlockClient, ClientError, Completion, InfoError, Port};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most requests of one session that the shadow has accepted and not answered.
pub const IN_FLIGHT_MAX: usize = 64;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// Device to data region.
    Read = 1,
    /// Data region to device.
    Write = 2,
    /// All writes that were answered before this request was sent are durable when it is answered.
    Flush = 3,
    /// The blocks' content is no longer needed.
    Discard = 4,
    /// The blocks read as zeroes afterwards.
    WriteZeroes = 5,
}

impl Op {
    /// From the byte of a request.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Read,
            2 => Self::Write,
            3 => Self::Flush,
            4 => Self::Discard,
            5 => Self::WriteZeroes,
            _ => return None,
        })
    }

    /// Changes blocks.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Discard | Self::WriteZeroes)
    }

    /// Moves data between device and data region.
    pub fn has_data(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The device reported an error.
    IoError = 1,
    /// Blocks or data lie outside the partition or the data region.
    OutOfRange = 2,
    /// The request makes no sense (unknown op, count 0, reserved field set, misaligned offset).
    Invalid = 3,
    /// Write to a read-only device.
    ReadOnly = 4,
    /// The device never had this capability.
    Unsupported = 5,
    /// An update took this capability away and the operator accepted it (policy `degrade`).
    CapabilityLost = 6,
    /// There is no working driver and the shadow's patience has ended.
    Offline = 7,
}

impl Status {
    /// From the byte of a response.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Ok,
            1 => Self::IoError,
            2 => Self::OutOfRange,
            3 => Self::Invalid,
            4 => Self::ReadOnly,
            5 => Self::Unsupported,
            6 => Self::CapabilityLost,
            7 => Self::Offline,
            _ => return None,
        })
    }
}

/// One request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockRequest {
    /// Chosen by the sender, returned in the response; unique among the sender's requests in flight.
    pub id: u32,
    /// Generation of the driver (shadow → driver), 0 from a client.
    pub generation: u32,
    /// An [`Op`].
    pub op: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Index of the data region (shadow → driver), 0 from a client.
    pub region: u16,
    /// Blocks to transfer; 0 for a flush.
    pub count: u32,
    /// First block.
    pub block: u64,
    /// Offset of the data in its region, in bytes; a multiple of the block size.
    pub offset: u64,
}
const _: () = assert!(size_of::<BlockRequest>() == 32);

/// One response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockResponse {
    /// The request's.
    pub id: u32,
    /// The request's.
    pub generation: u32,
    /// A [`Status`].
    pub status: u8,
    /// Reserved, 0.
    pub reserved: [u8; 3],
    /// Blocks transferred; equal to the request's count when `status` is `Ok`.
    pub count: u32,
}
const _: () = assert!(size_of::<BlockResponse>() == 16);

/// Writes are refused.
pub const CAP_READ_ONLY: u32 = 1 << 0;
/// The device has a volatile write cache: an answered write is durable only after a flush.
pub const CAP_WRITE_BACK: u32 = 1 << 1;
/// Flush is served.
pub const CAP_FLUSH: u32 = 1 << 2;
/// Discard is served.
pub const CAP_DISCARD: u32 = 1 << 3;
/// Write-zeroes is served.
pub const CAP_WRITE_ZEROES: u32 = 1 << 4;

/// The capability record of the class, compared at every update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockCapabilities {
    /// Capacity in blocks.
    pub capacity: u64,
    /// Block size in bytes: a power of two from 512 to 4096.
    pub block_size: u32,
    /// `CAP_*` bits.
    pub flags: u32,
    /// Most blocks in one request, at least 8.
    pub max_transfer: u32,
    /// Requests the driver keeps in its device at the same time (information, not compared).
    pub queue_depth: u32,
}
const _: () = assert!(size_of::<BlockCapabilities>() == 24);

/// Protected calls from a client to the shadow: the label of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ClientCall {
    /// What the session gives access to. No arguments. Answer [`CallReply::Ok`]: the words of a [`ClientInfo`].
    Info = 1,
}

impl ClientCall {
    /// From a message label.
    pub fn from_label(label: u64) -> Option<Self> {
        (label == 1).then_some(Self::Info)
    }
}

/// How a protected call of a client ended: the label of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum CallReply {
    /// Done; results in the message registers.
    Ok = 0,
    /// No driver has reported yet, or the partition table is not read yet. The shadow notifies when it is.
    NotReady = 1,
    /// The device has no such partition. This does not change.
    NoPartition = 2,
    /// The session was ended, because the client broke the rules of the link.
    Ended = 3,
    /// The call is not known.
    Denied = 4,
}

impl CallReply {
    /// From the label of an answer; anything unknown is [`CallReply::Denied`].
    pub fn from_label(label: u64) -> Self {
        match label {
            0 => Self::Ok,
            1 => Self::NotReady,
            2 => Self::NoPartition,
            3 => Self::Ended,
            _ => Self::Denied,
        }
    }
}

/// What a session gives access to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// Blocks of the session's partition.
    pub capacity: u64,
    /// Block size in bytes.
    pub block_size: u32,
    /// `CAP_*` bits.
    pub flags: u32,
    /// Most blocks in one request.
    pub max_transfer: u32,
}

impl ClientInfo {
    /// As message words.
    pub fn to_words(self) -> [u64; 4] {
        [
            self.capacity,
            self.block_size.into(),
            self.flags.into(),
            self.max_transfer.into(),
        ]
    }

    /// From message words; `None` if one is out of range.
    pub fn from_words(words: [u64; 4]) -> Option<Self> {
        let narrow = |word| u32::try_from(word).ok();
        Some(Self {
            capacity: words[0],
            block_size: narrow(words[1])?,
            flags: narrow(words[2])?,
            max_transfer: narrow(words[3])?,
        })
    }
}
