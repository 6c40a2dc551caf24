//! The block class: requests in blocks of the device's block size, data by offset into a data region.
//!
//! The same layouts serve client ↔ shadow and shadow ↔ driver (sDDF: `blk_req`/`blk_resp`). Towards the
//! driver the shadow fills in `generation` and `region`, and block numbers count from the start of the device;
//! from a client both must be 0, and block numbers count from the start of its partition.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

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
