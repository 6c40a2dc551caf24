//! Control and stager: jobs and their progress, as entries on a link.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What control asks of the stager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum JobKind {
    /// Verify the package in store slot `package`; answer only.
    Verify = 1,
    /// Verify it and build a generation of it for `slot` on `side`.
    Build = 2,
}

/// A job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Job {
    /// Chosen by control, returned in the outcome.
    pub id: u32,
    /// A [`JobKind`].
    pub kind: u32,
    /// Device slot.
    pub slot: u32,
    /// A [`Side`](crate::Side).
    pub side: u32,
    /// Slot of the package store.
    pub package: u32,
    /// Bytes of the package.
    pub len: u32,
    /// Packages with a smaller security floor are refused, whatever the slot was built with.
    pub security_floor: u32,
    /// Keys of the system that were revoked since it was built: a bit each.
    pub revoked_keys: u32,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Outcome {
    /// The job's.
    pub id: u32,
    /// 0: done. Else a [`Refusal`].
    pub refusal: u32,
    /// The generation that was built (`Build`).
    pub generation: u32,
    /// Detail of the refusal (a root [`Code`](crate::Code), or a package error's number).
    pub detail: u32,
}

/// Why a package was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    /// The package is damaged: magic, length or hash.
    Damaged = 1,
    /// The manifest or image breaks a rule of the format.
    Malformed = 2,
    /// Not a driver of this slot's class, or another class ABI.
    WrongClass = 3,
    /// Not a driver for this slot's device; the detail says why (`driver_package`, `Mismatch`).
    WrongDevice = 4,
    /// No memory for another generation.
    NoMemory = 5,
    /// Root refused for another reason.
    Root = 6,
    /// Not signed by a key that is trusted; the detail says why (`driver_package`, `Distrust`).
    Signature = 7,
    /// Its security floor is below the slot's, which is the detail.
    Floor = 8,
}
