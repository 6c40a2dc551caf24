//! What control says, in words, each with what can be done about it.

use super::refusal;
use control_protocol::PackageHash;
use control_protocol::cause::Cause;
use control_protocol::record::{Kind, Outcome, PackageLabel, Reason, Record, State, Step};
use control_protocol::reply::{Condition, Device, Domain, Error, SILENT};
use control_protocol::vitals::{Memory, Mode};
use supervision::root::DMA_FAULT;

/// Why a request was refused.
pub fn error(error: &Error) -> String {
    match error {
        Error::Malformed => {
            "the machine does not understand the question (tool and image are of different builds)".into()
        }
        Error::UnknownDevice => "there is no such device (`ctl status` lists them)".into(),
        Error::UnknownKey => {
            "the machine was not built to trust that key, so there is nothing to revoke (`ctl keys` lists them)".into()
        }
        Error::UnknownPackage => "the store has no such package (`ctl packages` lists them)".into(),
        Error::UnknownJob => "there is no such job: it was never begun, or it is so old that it was forgotten".into(),
        Error::UnknownName => "there is no such report or trace (`ctl report` lists the reports)".into(),
        Error::Busy { job } => {
            format!("the device is in the middle of job {job}; try again when that is over")
        }
        Error::Uncommitted => {
            "the last update is still on probation: `ctl commit` makes it final, `ctl discard` undoes it".into()
        }
        Error::NothingToCommit => "no update is on probation: nothing waits for a commit".into(),
        Error::NothingToDiscard => {
            "nothing is staged, and no update is on probation (`ctl rollback` goes back behind one that is final)".into()
        }
        Error::NothingToRollBack => {
            "there is nothing to go back to: the driver was not updated since boot".into()
        }
        Error::NoDriver => "no driver serves the device (`ctl status` says why)".into(),
        Error::TooLarge { max } => {
            format!(
                "the package is empty or larger than a slot of the store ({max} bytes): build the driver smaller, or give \
                 `<package_store>` a larger slot_size and build the image anew"
            )
        }
        Error::StoreFull => "every package in the store is in use or kept for a rollback".into(),
        Error::NoUpload => "no upload into that slot is under way (control may have been started anew): send the package once more".into(),
        Error::ChunkPosition { received } => format!("the upload stands at byte {received}"),
        Error::WrongHash => "the package arrived damaged; try again".into(),
        Error::OutOfRange => "offset or length lies outside the region".into(),
        Error::Stopping => "the machine is being stopped".into(),
        Error::Stale => {
            "the order came after a later one and was not executed; give it again if it is still wanted".into()
        }
    }
}

/// Why a transaction ended as it did.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Damaged { .. }
        | Reason::Malformed { .. }
        | Reason::WrongClass { .. }
        | Reason::WrongDevice { .. }
        | Reason::Untrusted { .. }
        | Reason::BelowFloor { .. } => refusal::package(reason),
        Reason::NoMemory => "no memory for another driver generation".into(),
        Reason::Root { code } => format!("the root task refused (code {code})"),
        Reason::StagerSilent => "the stager did not answer in time".into(),
        Reason::ShadowSilent => "the shadow server did not answer in time".into(),
        Reason::CapabilityLost { fields } => {
            format!(
                "the driver lacks a capability that the running one has (fields {fields:#x}); `--policy degrade` accepts it"
            )
        }
        Reason::Probe { code } => format!("the driver could not probe its device (code {code})"),
        Reason::ProbeDeadline => "the driver did not report in time".into(),
        Reason::BadReport => "the driver's report makes no sense".into(),
        Reason::Link { detail } => format!("the driver broke the rules of its link ({detail})"),
        Reason::UnknownRequest => "the driver answered a request that was never sent".into(),
        Reason::RequestDeadline => "the driver left a request unanswered".into(),
        Reason::Heartbeat => "the driver showed no sign of life though it had nothing to do".into(),
        Reason::Storm { permille, passes } => {
            let took = permille.map_or_else(String::new, |permille| {
                format!("{} % of its processor time, ", permille / 10)
            });
            format!(
                "the driver was busy with nothing ({took}{passes} passes through its event loop): an endless interrupt, or a loop"
            )
        }
        Reason::Changed => "what the driver reads from the device is not what was there before".into(),
        Reason::Fault { label, address, pc } => {
            format!(
                "the driver faulted ({}, address {address:#x}, pc {pc:#x})",
                fault(*label)
            )
        }
        Reason::Budget => "the driver spent its time budget again and again".into(),
        Reason::Killed => "killed by the operator".into(),
        Reason::NoDriver => "no driver serves the device (`ctl update` puts one in)".into(),
        Reason::DeviceReset => {
            "the device could not be reset; the memory of its last driver stays quarantined".into()
        }
        Reason::TooManyFailures => "the driver failed too often, and there is no other good version".into(),
        Reason::ControlRestarted => "the control program was restarted in the middle".into(),
        Reason::Removed => "the device was taken out (a driver is started when one is put in)".into(),
        Reason::Unguarded => {
            "the device would go past the IOMMU (in QEMU a virtio device needs `iommu_platform=on`)".into()
        }
    }
}

/// seL4's fault labels (MCS), and what the IOMMU says of a device ([`DMA_FAULT`]).
pub fn fault(label: u64) -> String {
    match label {
        1 => "capability fault".into(),
        2 => "unknown system call".into(),
        3 => "user exception".into(),
        5 => "timeout".into(),
        6 => "VM fault".into(),
        SILENT => "no answer in time".into(),
        device if device >> 16 == DMA_FAULT >> 16 => {
            let access = if device >> 8 & 1 == 1 { "write" } else { "read" };
            let why = match device & 0xff {
                0x10 => "there is nothing for it".to_owned(),
                0x13 => "it may only read".to_owned(),
                kind => format!("IOMMU event {kind:#x}"),
            };
            format!("its device was stopped at a {access} where {why}")
        }
        other => format!("fault {other}"),
    }
}

/// An outcome in a word.
pub fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused(_) => "refused",
        Outcome::RolledBack(_) => "rolled back",
        Outcome::LastGood(_) => "last good version",
        Outcome::Offline(_) => "offline",
    }
}

/// The reason of an outcome.
pub fn outcome_reason(outcome: &Outcome) -> Option<&Reason> {
    match outcome {
        Outcome::Done => None,
        Outcome::Refused(reason)
        | Outcome::RolledBack(reason)
        | Outcome::LastGood(reason)
        | Outcome::Offline(reason) => Some(reason),
    }
}

/// What a record is about.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Boot => "boot",
        Kind::Update => "update",
        Kind::Rollback => "rollback",
        Kind::Stage => "stage",
        Kind::Check => "dry run",
        Kind::Commit => "commit",
        Kind::Discard => "discard",
        Kind::Kill => "kill",
        Kind::Recovery => "recovery",
        Kind::Removal => "removal",
        Kind::Addition => "addition",
    }
}

/// A step, as a thing that is being done.
pub fn step(step: Step) -> &'static str {
    match step {
        Step::StageNew => "building the new driver",
        Step::StageSpare => "building a copy of the old driver to go back to",
        Step::Quiesce => "draining the old driver",
        Step::Attach => "taking and resetting the device",
        Step::Enable => "starting the new driver",
        Step::Resume => "feeding the old driver again",
        Step::Measure => "collecting figures",
        Step::BackOff => "waiting before the next try",
    }
}

/// What came of a record, in a sentence: "update virtio-blk 0.8.0 -> virtio-blk 0.12.0: done".
pub fn record(record: &Record) -> String {
    let reason = match &record.state {
        State::Done(outcome) => outcome_reason(outcome).or(record.cause.as_ref()),
        _ => record.cause.as_ref(),
    };
    let because = reason.map_or_else(String::new, |why| format!(" ({})", self::reason(why)));
    format!(
        "{} {} -> {}: {}{because}",
        kind(record.kind),
        package(record.from.as_ref()),
        package(record.to.as_ref()),
        state(&record.state)
    )
}

/// What a shadow does.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Offline => "offline",
        Mode::Waiting => "waiting",
        Mode::Passive => "passive",
        Mode::Draining => "draining",
        Mode::Active => "active",
        Mode::Unknown => "unknown",
    }
}

/// Memory that the drivers of a device have: "2 of 3 × 4 MiB".
pub fn memory(memory: &Memory) -> String {
    let all = memory.generations.saturating_add(memory.room);
    format!("{} of {all} × {} MiB", memory.generations, memory.each >> 20)
}

/// How far a record is.
pub fn state(state: &State) -> String {
    match state {
        State::Waiting => "waiting".into(),
        State::Running(at) => step(*at).into(),
        State::Done(result) => outcome(result).into(),
    }
}

/// What a device does.
pub fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Empty => "no driver yet".into(),
        Condition::Working => "working".into(),
        Condition::Probation => "working (on probation)".into(),
        Condition::Changing { job, step: at } => format!("job {job}: {}", step(*at)),
        Condition::Offline(why) => format!("offline: {}", reason(why)),
    }
}

/// What a device does, with what it waits for.
pub fn device(device: &Device) -> String {
    match device.condition {
        Condition::Probation if device.awaits_commit => "working (waits for commit or discard)".into(),
        _ => condition(&device.condition),
    }
}

/// A group of reasons, in a word for programs.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Fault => "fault",
        Cause::RequestDeadline => "request_deadline",
        Cause::Heartbeat => "heartbeat",
        Cause::Link => "link",
        Cause::Storm => "storm",
        Cause::Start => "start",
        Cause::Killed => "killed",
        Cause::Other => "other",
        Cause::Reach => "reach",
    }
}

/// Failures by cause: "2 fault, 1 killed".
pub fn causes(counts: &[u32; Cause::COUNT]) -> String {
    let named = Cause::ALL
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| **count > 0);
    let texts: Vec<String> = named
        .map(|(one, count)| format!("{count} {}", cause(one).replace('_', " ")))
        .collect();
    texts.join(", ")
}

/// Why a part of the system was started anew.
pub fn anew(domain: &Domain) -> String {
    match domain.label {
        SILENT => fault(SILENT),
        label => format!("{} at {:#x}, pc {:#x}", fault(label), domain.address, domain.pc),
    }
}

/// How often.
pub fn times(times: u32) -> String {
    match times {
        1 => "once".into(),
        times => format!("{times} times"),
    }
}

/// A package: its name, or the beginning of its hash.
pub fn package(package: Option<&PackageLabel>) -> String {
    match package {
        None => "-".into(),
        Some(package) if package.label.is_empty() => hex(&package.hash[..4]),
        Some(package) => package.label.as_str().into(),
    }
}

/// A label in one word, as package files are called.
pub fn word(label: &str) -> String {
    label.replace(' ', "-")
}

/// The beginning of a hash that people type.
pub fn hash(hash: &PackageHash) -> String {
    hex(&hash[..6])
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
