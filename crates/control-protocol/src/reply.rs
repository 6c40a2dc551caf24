//! What control answers.

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::record::{PackageLabel, Reason, Record, Step};
use crate::slot::Slots;
use crate::vitals::{Flow, Vitals};
use crate::{PackageHash, PublicKey};

/// Longest name of a PD or device.
pub const NAME_MAX: usize = 36;
/// Most devices.
pub const MAX_DEVICES: usize = 4;
/// Most packages in the store.
pub const MAX_PACKAGES: usize = 16;
/// Most names in a list.
pub const MAX_NAMES: usize = 9;
/// Most PDs in an answer to `Domains`.
pub const MAX_DOMAINS: usize = 16;
/// Most keys that a machine trusts.
pub const MAX_KEYS: usize = 8;
/// Most packages of a device that failed, in an answer to `Status`.
pub const MAX_TRIED: usize = 3;
/// Most records in an answer to `History`.
pub const HISTORY_PAGE: usize = 6;

/// A name.
pub type Name = String<NAME_MAX>;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Largest is `History`. A reply lives on the stack for one call; to box it there is no heap.
#[allow(clippy::large_enum_variant)]
pub enum Reply<'a> {
    /// To `Hello`.
    Hello(Hello),
    /// To `Status`.
    Status(Status),
    /// To `Packages`.
    Packages(Vec<Package, MAX_PACKAGES>),
    /// To `UploadBegin`, `UploadChunk`, `UploadEnd`.
    Upload(Upload),
    /// To all that [change a driver](crate::Request::has_effect): the number of the job.
    Accepted {
        /// For `Job`.
        job: u32,
    },
    /// To `Job`.
    Job(Record),
    /// To `History`.
    History {
        /// Oldest first.
        records: Vec<Record, HISTORY_PAGE>,
        /// There are newer ones: ask again, after the last of these.
        more: bool,
    },
    /// To `Traces` and `Reports`.
    Names(Vec<Name, MAX_NAMES>),
    /// To `TraceRead`.
    Trace {
        /// Cursor for the next read; as asked for when there is nothing new.
        next: u64,
        /// Records that were overwritten before they could be read, since the cursor.
        lost: u64,
        /// Whole records, as crate `trace` defines them.
        bytes: &'a [u8],
    },
    /// To `ReportRead`.
    Report {
        /// Bytes of the whole region.
        total: u32,
        /// The bytes asked for; fewer at the region's end.
        bytes: &'a [u8],
    },
    /// To `Stop`.
    Stop(Stop),
    /// It cannot be done.
    Error(Error),
    /// To `Domains`: those that ever faulted.
    Domains(Vec<Domain, MAX_DOMAINS>),
    /// To `Vitals`.
    Vitals(Vitals),
    /// To `Record`: the shadow was told so.
    Recording(Flow),
    /// To `Keys` and `Revoke`: the keys that the machine was built to trust.
    Keys(Vec<TrustedKey, MAX_KEYS>),
    /// To `Slots`.
    Slots(Slots),
}

/// A key that the machine was built to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// It was revoked since.
    pub revoked: bool,
    /// Devices whose driver is of a package that it signed: a bit for each, by index in [`Status`].
    pub drivers: u8,
}

/// Stands for a fault label: it did not answer in time.
pub const SILENT: u64 = u64::MAX;

/// A static PD that faulted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub name: Name,
    /// It faulted too often and was not started anew.
    pub dead: bool,
    /// How often it was started anew.
    pub restarts: u32,
    /// seL4 fault label of the last fault, or [`SILENT`].
    pub label: u64,
    /// Faulting address, or 0.
    pub address: u64,
    /// Program counter, or 0.
    pub pc: u64,
}

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Frequency of the guest's counter, in Hz.
    pub counter_hz: u64,
    /// The guest's counter now, in nanoseconds.
    pub now_ns: u64,
    /// Largest package the store takes.
    pub package_max: u32,
}

/// State of the devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The guest's counter now, in nanoseconds.
    pub now_ns: u64,
    /// Devices.
    pub devices: Vec<Device, MAX_DEVICES>,
    /// Bytes on the command channel that belonged to no frame.
    pub skipped_bytes: u64,
    /// Frames that arrived damaged.
    pub damaged_frames: u64,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Name.
    pub name: Name,
    /// Class number.
    pub class: u32,
    /// What it does.
    pub condition: Condition,
    /// Generation of the driver that has the device, 0 if none.
    pub generation: u32,
    /// Its package.
    pub package: Option<PackageLabel>,
    /// What `rollback` would bring back.
    pub previous: Option<PackageLabel>,
    /// What is staged and held.
    pub staged: Option<PackageLabel>,
    /// The update on probation becomes final when the operator says so, and not before.
    pub awaits_commit: bool,
    /// Packages with a smaller security floor are refused: the system's, or that of the newest package that was committed.
    pub security_floor: u32,
    /// Drivers that replaced one another since boot.
    pub updates: u32,
    /// Drivers that failed since boot.
    pub failures: u32,
    /// The same by [`Cause`].
    pub causes: [u32; Cause::COUNT],
    /// What failed since the operator last put in a driver, in the order in which it was tried; the newest of many.
    pub tried: Vec<Tried, MAX_TRIED>,
}

/// A package whose drivers failed, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The package.
    pub package: Option<PackageLabel>,
    /// How many failed.
    pub times: u32,
    /// When the last of them did: the guest's counter, in nanoseconds.
    pub last_ns: u64,
    /// Why it did.
    pub reason: Reason,
}

/// What a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// No driver was ever started.
    Empty,
    /// A driver serves it.
    Working,
    /// A driver serves it, after an update that is not yet committed.
    Probation,
    /// A transaction is under way.
    Changing {
        /// Its job.
        job: u32,
        /// Its step.
        step: Step,
    },
    /// No driver serves it.
    Offline(Reason),
}

/// A package in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Store slot.
    pub slot: u8,
    /// SHA-256.
    pub sha256: PackageHash,
    /// Bytes.
    pub len: u32,
    /// Name and version.
    pub label: String<{ crate::record::LABEL_MAX }>,
    /// Some device runs it, or keeps it to go back to: it is not evicted.
    pub kept: bool,
}

/// State of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Store slot.
    pub slot: u8,
    /// Bytes that are there, from the first on.
    pub received: u32,
    /// The package is complete and its hash was right.
    pub complete: bool,
}

/// State of an orderly stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// PDs that have not stopped yet.
    pub waiting: Vec<Name, MAX_NAMES>,
    /// All have: the machine may be switched off.
    pub halted: bool,
}

/// Why a request cannot be done. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Error {
    /// The payload is no request.
    Malformed,
    /// There is no such device.
    UnknownDevice,
    /// The store has no such package.
    UnknownPackage,
    /// The machine was not built to trust that key.
    UnknownKey,
    /// There is no such job (or it is so old that it was forgotten).
    UnknownJob,
    /// No PD of that name, or no source of that number.
    UnknownName,
    /// The device is in the middle of another transaction.
    Busy {
        /// Its job.
        job: u32,
    },
    /// The last update is still on probation.
    Uncommitted,
    /// No update is on probation.
    NothingToCommit,
    /// Nothing is staged, and no update is on probation.
    NothingToDiscard,
    /// There was no update to go back behind.
    NothingToRollBack,
    /// No driver runs that could be killed.
    NoDriver,
    /// The package is larger than a store slot.
    TooLarge {
        /// Bytes of a slot.
        max: u32,
    },
    /// Every package in the store is in use.
    StoreFull,
    /// No upload into that slot is under way.
    NoUpload,
    /// The chunk would leave a gap, or reach behind the end.
    ChunkPosition {
        /// Bytes received so far.
        received: u32,
    },
    /// The bytes received do not have the hash that was announced; the slot was given back.
    WrongHash,
    /// Offset or length lies outside.
    OutOfRange,
    /// An orderly stop is under way.
    Stopping,
    /// An order that came after a later one of the same asker, or so late that nobody knows any more whether it was obeyed.
    Stale,
}
