//! What the operator asks.

use serde::{Deserialize, Serialize};

use crate::vitals::Flow;
use crate::{PackageHash, PublicKey};

/// A request. Those that only read may be asked again at any time; the others ([`Request::has_effect`]) are answered
/// from memory when the same session repeats the same request number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who is there. Answer: [`Reply::Hello`](crate::Reply::Hello).
    Hello,
    /// State of the devices. Answer: `Status`.
    Status,
    /// Content of the package store. Answer: `Packages`.
    Packages,
    /// A package of `len` bytes is to come. Answer: `Upload`, with `received == len` if the store has it already.
    UploadBegin {
        /// Bytes.
        len: u32,
        /// SHA-256 of them.
        sha256: PackageHash,
    },
    /// The next bytes of the upload into store slot `slot`; `offset` must not leave a gap. Answer: `Upload`.
    UploadChunk {
        /// As [`Upload`](crate::reply::Upload) said.
        slot: u8,
        /// Where the bytes belong.
        offset: u32,
        /// At most [`CHUNK_MAX`](crate::CHUNK_MAX).
        bytes: &'a [u8],
    },
    /// All bytes were sent; the store keeps them if their hash is right. Answer: `Upload`.
    UploadEnd {
        /// As [`Upload`](crate::reply::Upload) said.
        slot: u8,
    },
    /// Replace the device's driver. Answer: `Accepted`.
    Update {
        /// Name of the device slot.
        device: &'a str,
        /// The package, which must be in the store.
        package: PackageHash,
        /// What a lost capability means.
        policy: Policy,
        /// When the update is final.
        commit: Commit,
        /// How long the old driver may finish what it has, in microseconds; `None`: as control thinks best.
        drain_us: Option<u32>,
    },
    /// Build the driver and hold it, without any authority over the device, for a later `Update` to the same package. Answer:
    /// `Accepted`.
    Stage {
        /// Name of the device slot.
        device: &'a str,
        /// The package, which must be in the store.
        package: PackageHash,
    },
    /// Do what an update would do before it touches the device, and give it all back. Answer: `Accepted`.
    Check {
        /// Name of the device slot.
        device: &'a str,
        /// The package, which must be in the store.
        package: PackageHash,
    },
    /// Make the update that is on probation final. Answer: `Accepted`.
    Commit {
        /// Name of the device slot.
        device: &'a str,
    },
    /// Give up the driver that is staged, or undo the update that is on probation. Answer: `Accepted`.
    Discard {
        /// Name of the device slot.
        device: &'a str,
    },
    /// Go back to the package that ran before the last update. Answer: `Accepted`.
    Rollback {
        /// Name of the device slot.
        device: &'a str,
    },
    /// Stop the device's driver as if it had crashed; it is restarted. Answer: `Accepted`.
    Kill {
        /// Name of the device slot.
        device: &'a str,
    },
    /// How far a job is. Answer: `Job`.
    Job {
        /// As `Accepted` said.
        id: u32,
    },
    /// What happened to a device. Answer: `History`.
    History {
        /// Name of the device slot.
        device: &'a str,
        /// Only records with a larger number; 0: from the oldest that is kept.
        after: u32,
    },
    /// Which PDs write a trace. Answer: `Names`.
    Traces,
    /// Trace records of one PD. Answer: `Trace`.
    TraceRead {
        /// Index in the answer to `Traces`.
        source: u8,
        /// 0, or what the last answer said.
        cursor: u64,
    },
    /// Which PDs write a report. Answer: `Names`.
    Reports,
    /// Bytes of a PD's report region. Answer: `Report`.
    ReportRead {
        /// Name of the PD.
        name: &'a str,
        /// From where.
        offset: u32,
        /// How many; at most [`CHUNK_MAX`](crate::CHUNK_MAX).
        len: u16,
    },
    /// Ask the clients to stop and say how far that is; the first begins it, later ones ask. Answer: `Stop`.
    Stop,
    /// Which of the system's own PDs faulted. Answer: `Domains`.
    Domains,
    /// What the devices do and have done, and the memory of their drivers. Answer: `Vitals`.
    Vitals,
    /// Record the flow of a device's requests in the shadow's trace, or do so no more. Answer: `Recording`.
    Record {
        /// Name of the device slot.
        device: &'a str,
        /// For how long.
        flow: Flow,
    },
    /// What became of an order whose answer got lost, by the numbers in its frame; also another session may ask. Answer: `Job`,
    /// or [`UnknownJob`](crate::Error::UnknownJob) if it was never begun (or so long ago that it is forgotten).
    Ordered {
        /// The session that ordered.
        session: u64,
        /// Its request.
        request: u32,
    },
    /// Whose packages the machine takes. Answer: `Keys`.
    Keys,
    /// Take no more packages of this key until the machine is booted again. Asking twice does no more than asking once. Answer:
    /// `Keys`.
    Revoke {
        /// The public key.
        key: PublicKey,
    },
    /// What packages for the devices must match. Answer: `Slots`.
    Slots,
}

impl Request<'_> {
    /// Whether executing it twice would do something twice.
    pub fn has_effect(&self) -> bool {
        matches!(
            self,
            Self::Update { .. }
                | Self::Stage { .. }
                | Self::Check { .. }
                | Self::Commit { .. }
                | Self::Discard { .. }
                | Self::Rollback { .. }
                | Self::Kill { .. }
                | Self::Record { .. }
        )
    }
}

/// What to do when the new driver lacks a capability that the old one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// Go back to the old one.
    #[default]
    Refuse,
    /// Keep the new one, and fail only the requests that reveal the loss.
    Degrade,
    /// Keep the new one, even if what is open does not fit it any more; what reveals a loss fails as under `Degrade`.
    Force,
}

/// When an update is final: until then the copy of the old driver is kept, and takes over at once if the new one fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Commit {
    /// At the end of the probation time.
    #[default]
    Timed,
    /// When the operator says so ([`Request::Commit`]).
    Manual,
}
