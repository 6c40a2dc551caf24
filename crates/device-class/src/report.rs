//! A driver's report of itself: written once after probing into the info area of its link page, read by the
//! shadow into private memory before anything is believed.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Longest capability record of any class, in bytes.
pub const RECORD_MAX: usize = 64;

/// Nothing reported yet (a zeroed page).
pub const STATE_NONE: u32 = 0;
/// The device is probed, the record is valid, requests are served.
pub const STATE_READY: u32 = 1;
/// The device could not be probed; `reason` says why.
pub const STATE_FAILED: u32 = 2;

/// What a driver says of itself. `state` is written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DriverReport {
    /// One of the `STATE_*` values.
    pub state: u32,
    /// The generation that reports; must be the one the shadow attached.
    pub generation: u32,
    /// Class number of the record.
    pub class: u32,
    /// Why probing failed (class-independent codes of the driver runtime), 0 when it did not.
    pub reason: u32,
    /// Heartbeat: counts the driver's passes through its event loop.
    pub heartbeat: u32,
    /// Bytes of `record` that are valid.
    pub record_len: u32,
    /// The capability record of the class.
    pub record: [u8; RECORD_MAX],
}
const _: () = assert!(size_of::<DriverReport>() == 24 + RECORD_MAX);
