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
//!   update under policy `degrade` or `force`, and then such a request is answered `CapabilityLost`.

mod client;

pub use client::{BlockClient, Completion, InfoError, Port};
pub use shared_ring::requests::{Peer, RequestError};

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
    /// An update took this capability away and the operator accepted it (policy `degrade` or `force`).
    CapabilityLost = 6,
    /// There is no working driver and the shadow's patience has ended. A device that could not be reset may still carry the
    /// request out: its data is not to be used for anything else before the device works again.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
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

/// Bits of [`BlockCapabilities::lost`]: the block size differs.
pub const LOST_BLOCK_SIZE: u32 = 1 << 0;
/// The capacity is smaller.
pub const LOST_CAPACITY: u32 = 1 << 1;
/// Writes are refused.
pub const LOST_WRITE: u32 = 1 << 2;
/// An answered write is not as durable as it was: there is a volatile cache now, or it cannot be flushed any more.
pub const LOST_DURABILITY: u32 = 1 << 3;
/// Flush is not served.
pub const LOST_FLUSH: u32 = 1 << 4;
/// Discard is not served.
pub const LOST_DISCARD: u32 = 1 << 5;
/// Write-zeroes is not served.
pub const LOST_WRITE_ZEROES: u32 = 1 << 6;
/// Requests must be shorter.
pub const LOST_MAX_TRANSFER: u32 = 1 << 7;

impl BlockCapabilities {
    /// The record can be that of a disk.
    pub fn is_sane(&self) -> bool {
        self.block_size.is_power_of_two()
            && (512..=4096).contains(&self.block_size)
            && self.capacity > 0
            && self.capacity.checked_mul(self.block_size.into()).is_some()
            && self.max_transfer >= 8
    }

    /// Has one of these `CAP_*` bits.
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// What `new` lacks and `self` has, as `LOST_*` bits.
    pub fn lost(&self, new: &Self) -> u32 {
        let gone = |cap| self.has(cap) && !new.has(cap);
        let came = |cap| !self.has(cap) && new.has(cap);
        let volatile = new.has(CAP_WRITE_BACK) && !new.has(CAP_FLUSH);
        let was_volatile = self.has(CAP_WRITE_BACK) && !self.has(CAP_FLUSH);
        [
            (LOST_BLOCK_SIZE, new.block_size != self.block_size),
            (LOST_CAPACITY, new.capacity < self.capacity),
            (LOST_WRITE, came(CAP_READ_ONLY)),
            // Clients of a write-through device have no reason to flush.
            (
                LOST_DURABILITY,
                came(CAP_WRITE_BACK) || (volatile && !was_volatile),
            ),
            (LOST_FLUSH, gone(CAP_FLUSH)),
            (LOST_DISCARD, gone(CAP_DISCARD)),
            (LOST_WRITE_ZEROES, gone(CAP_WRITE_ZEROES)),
            (LOST_MAX_TRANSFER, new.max_transfer < self.max_transfer),
        ]
        .iter()
        .fold(0, |mask, &(bit, lost)| if lost { mask | bit } else { mask })
    }
}

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
    /// No driver has reported yet, or none has served since requests were answered [`Status::Offline`], or the partition table is
    /// not read yet. The shadow notifies when it is otherwise.
    NotReady = 1,
    /// The device has no such partition. This does not change.
    NoPartition = 2,
    /// The session was ended, because the client broke the rules of the link.
    Ended = 3,
    /// The call is not known.
    Denied = 4,
}

impl CallReply {
    /// From the label of an answer; anything unknown is [`CallReply::Denied`]. 9 is not the shadow's, but says that it died
    /// over the call and is started anew.
    pub fn from_label(label: u64) -> Self {
        match label {
            0 => Self::Ok,
            1 | 9 => Self::NotReady,
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

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: BlockCapabilities = BlockCapabilities {
        capacity: 1000,
        block_size: 512,
        flags: CAP_WRITE_BACK | CAP_FLUSH | CAP_DISCARD | CAP_WRITE_ZEROES,
        max_transfer: 128,
        queue_depth: 16,
    };

    #[test]
    fn every_field_of_the_record_is_compared() {
        let lost = |change: fn(&mut BlockCapabilities)| {
            let mut new = DISK;
            change(&mut new);
            DISK.lost(&new)
        };
        assert_eq!(lost(|_| {}), 0);
        assert_eq!(lost(|new| new.block_size = 4096), LOST_BLOCK_SIZE);
        assert_eq!(lost(|new| new.capacity -= 1), LOST_CAPACITY);
        assert_eq!(lost(|new| new.capacity += 1), 0);
        assert_eq!(lost(|new| new.flags |= CAP_READ_ONLY), LOST_WRITE);
        assert_eq!(lost(|new| new.flags &= !CAP_FLUSH), LOST_FLUSH | LOST_DURABILITY);
        assert_eq!(lost(|new| new.flags &= !(CAP_FLUSH | CAP_WRITE_BACK)), LOST_FLUSH);
        assert_eq!(lost(|new| new.flags &= !CAP_DISCARD), LOST_DISCARD);
        assert_eq!(lost(|new| new.flags &= !CAP_WRITE_ZEROES), LOST_WRITE_ZEROES);
        assert_eq!(lost(|new| new.max_transfer = 127), LOST_MAX_TRANSFER);
        assert_eq!(lost(|new| new.queue_depth = 1), 0);
    }

    #[test]
    fn write_through_that_becomes_write_back_is_a_loss() {
        let through = BlockCapabilities { flags: 0, ..DISK };
        assert_eq!(through.lost(&DISK), LOST_DURABILITY);
        assert_eq!(DISK.lost(&DISK), 0);
    }

    #[test]
    fn records_that_no_disk_can_have_are_not_sane() {
        assert!(DISK.is_sane());
        assert!(
            !BlockCapabilities {
                block_size: 513,
                ..DISK
            }
            .is_sane()
        );
        assert!(
            !BlockCapabilities {
                block_size: 256,
                ..DISK
            }
            .is_sane()
        );
        assert!(
            !BlockCapabilities {
                block_size: 8192,
                ..DISK
            }
            .is_sane()
        );
        assert!(!BlockCapabilities { capacity: 0, ..DISK }.is_sane());
        assert!(
            !BlockCapabilities {
                capacity: u64::MAX / 256,
                ..DISK
            }
            .is_sane()
        );
        assert!(
            !BlockCapabilities {
                max_transfer: 7,
                ..DISK
            }
            .is_sane()
        );
    }
}
