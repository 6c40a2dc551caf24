//! Jobs and history: one record for everything that happened to a device's driver.

use heapless::String;
use serde::{Deserialize, Serialize};

/// Longest label of a package.
pub const LABEL_MAX: usize = 32;

/// What the operator sees of a package in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLabel {
    /// First bytes of its SHA-256.
    pub hash: [u8; 8],
    /// Name and version as its manifest says ("virtio-blk 0.12.0"), cut to the space there is; empty if unreadable.
    pub label: String<LABEL_MAX>,
}

/// Something that happened, or is happening, to a device's driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Number, counted from 1 at boot; the job's number if an operator asked for it.
    pub id: u32,
    /// Index of the device in [`Status`](crate::reply::Status).
    pub device: u8,
    /// What.
    pub kind: Kind,
    /// How far.
    pub state: State,
    /// The package that ran before.
    pub from: Option<PackageLabel>,
    /// The package that was to run.
    pub to: Option<PackageLabel>,
    /// The package that runs now that it is over.
    pub result: Option<PackageLabel>,
    /// Why a driver that ran was retired (a crash, a kill); for an update that was undone see [`Outcome`].
    pub cause: Option<Reason>,
    /// Measured.
    pub figures: Figures,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The first driver, at boot.
    Boot,
    /// The operator's update.
    Update,
    /// The operator's rollback.
    Rollback,
    /// The operator had a driver built, to be put in later.
    Stage,
    /// The operator's rehearsal: built, checked, given back.
    Check,
    /// The operator made an update final.
    Commit,
    /// The operator gave up a staged driver, or undid an update on probation.
    Discard,
    /// The operator's kill, and the restart after it.
    Kill,
    /// The driver failed and was restarted, or replaced by the last good one.
    Recovery,
    /// Somebody takes the device out.
    Removal,
    /// A device was put in.
    Addition,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Accepted; memory of the transaction before is still being given back.
    Waiting,
    /// Under way.
    Running(Step),
    /// Over.
    Done(Outcome),
}

/// A step of the transaction (design, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Building the new driver.
    StageNew,
    /// Building the pristine copy of the old driver.
    StageSpare,
    /// The shadow drains.
    Quiesce,
    /// The old driver loses the device, the device is reset, the shadow turns to the new side.
    Attach,
    /// The new driver probes, the shadow compares and replays.
    Enable,
    /// The old driver is being fed again.
    Resume,
    /// Figures are being collected.
    Measure,
    /// A driver failed again: some time passes before the next try.
    BackOff,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The driver that was to run runs.
    Done,
    /// Refused before anything was touched; the old driver went on all the time.
    Refused(Reason),
    /// Begun and undone: a pristine copy of the old driver runs.
    RolledBack(Reason),
    /// The driver failed, could not be restarted, and was replaced by the last good one.
    LastGood(Reason),
    /// No driver runs.
    Offline(Reason),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The package is damaged. `detail`: number of the package error.
    Damaged {
        /// Number of the package error.
        detail: u32,
    },
    /// The package or its image breaks a rule of the format.
    Malformed {
        /// Number of the package error.
        detail: u32,
    },
    /// A driver of another class, of another version of the class's interface, or for another kernel.
    WrongClass {
        /// Number of the stager's `WrongClass`.
        what: u32,
    },
    /// Not a driver for this device.
    WrongDevice {
        /// Number of `driver_package`'s `Mismatch`.
        why: u32,
    },
    /// Not signed by a key that the system trusts.
    Untrusted {
        /// Number of `driver_package`'s `Distrust`.
        why: u32,
    },
    /// The package's security floor is below the device's.
    BelowFloor {
        /// The device's.
        floor: u32,
    },
    /// No memory for another generation.
    NoMemory,
    /// Root refused an operation.
    Root {
        /// Answer (`supervision::Code`).
        code: u8,
    },
    /// The stager did not answer in time.
    StagerSilent,
    /// The shadow did not answer in time.
    ShadowSilent,
    /// The new driver lacks what the old one has.
    CapabilityLost {
        /// Bit mask of the class's capability fields.
        fields: u64,
    },
    /// The driver reported that it could not probe its device.
    Probe {
        /// Code of the driver runtime.
        code: u64,
    },
    /// The driver did not report in time.
    ProbeDeadline,
    /// The driver's report makes no sense.
    BadReport,
    /// The driver broke the rules of its link.
    Link {
        /// Which.
        detail: u64,
    },
    /// The driver answered a request that was never sent.
    UnknownRequest,
    /// The driver left a request unanswered for too long.
    RequestDeadline,
    /// The driver showed no sign of life though it was asked for one.
    Heartbeat,
    /// The driver was busy with nothing: an interrupt that is never acknowledged at the device, or a loop.
    Storm {
        /// How much of its share of the processor it took while it had no request, in thousandths; `None` if it had some, but
        /// passed through its event loop much more often than those could make it.
        permille: Option<u32>,
        /// How often it passed through its event loop in a window of the watch, by its own word: hardly ever in a loop that has
        /// no end.
        passes: u32,
    },
    /// What is on the device is not what was there (partition table).
    Changed,
    /// The driver faulted.
    Fault {
        /// seL4 fault label.
        label: u64,
        /// Faulting address.
        address: u64,
        /// Program counter.
        pc: u64,
    },
    /// The driver spent its budget again and again.
    Budget,
    /// The operator's kill.
    Killed,
    /// No driver serves the device.
    NoDriver,
    /// The device could not be reset; what its last driver had stays quarantined.
    DeviceReset,
    /// The driver failed too often, and there is no other good one.
    TooManyFailures,
    /// Control was restarted in the middle.
    ControlRestarted,
    /// The device was taken out.
    Removed,
    /// The device would go past the IOMMU behind which the system has it.
    Unguarded,
}

/// What was measured. Times are nanoseconds of the guest's counter; what was not reached is 0, what is not known `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Counter when it began.
    pub began_ns: u64,
    /// Beginning until both copies were staged.
    pub stage_ns: u64,
    /// Quiesce ordered until the shadow had quiesced.
    pub quiesce_ns: u64,
    /// Taking the device from the old driver.
    pub cut_ns: u64,
    /// Resetting the device.
    pub reset_ns: u64,
    /// Device reset until the shadow was attached to the new side.
    pub attach_ns: u64,
    /// Start until the first request was forwarded: the new driver's probe, comparison and replay.
    pub enable_ns: u64,
    /// Beginning until the outcome was known.
    pub total_ns: u64,
    /// Last request handed to the old generation until the order to stop. Nobody was kept waiting: more would have been handed over at once.
    pub before_ns: u64,
    /// The order to stop until the first request handed to the new generation: the drain is in it. After a loss: from the last request
    /// handed to the lost generation, since nobody knows whether it served after that.
    pub blackout_ns: Option<u64>,
    /// Longest time without a completion over the whole transaction.
    pub client_gap_ns: Option<u64>,
    /// Completions in the whole transaction.
    pub completions: u64,
    /// Requests in flight when quiescing was ordered.
    pub in_flight: u32,
    /// Of these, still unanswered when the old driver was cut.
    pub undrained: u32,
    /// Requests handed to the new driver again.
    pub resubmitted: u32,
    /// Requests that clients sent while no driver was there.
    pub queued: u32,
}
