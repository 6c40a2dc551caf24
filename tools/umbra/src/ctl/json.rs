//! The same answers for programs. Times are nanoseconds; hashes are hexadecimal.

use control_protocol::cause::Cause;
use control_protocol::record::{PackageLabel, Record, State};
use control_protocol::reply::{Condition, Domain, Error, Package, Status, Stop, Tried};
use control_protocol::vitals::{DeviceVitals, Memory, Traffic, Vitals};
use serde_json::{Value, json};

use super::text;

/// State of the devices, what they do, and which of the system's own PDs faulted.
pub fn status(status: &Status, domains: &[Domain], vitals: &Vitals) -> Value {
    let vitals = vitals.devices.iter().copied();
    let devices: Vec<Value> = status
        .devices
        .iter()
        .zip(vitals.chain(std::iter::repeat(DeviceVitals::default())))
        .map(|(device, vitals)| {
            let job = match device.condition {
                Condition::Changing { job, .. } => Some(job),
                _ => None,
            };
            json!({
                "name": device.name.as_str(),
                "class": device.class,
                "condition": condition(&device.condition),
                "text": text::device(device),
                "job": job,
                "generation": device.generation,
                "package": device.package.as_ref().map(label),
                "previous": device.previous.as_ref().map(label),
                "staged": device.staged.as_ref().map(label),
                "awaits_commit": device.awaits_commit,
                "security_floor": device.security_floor,
                "updates": device.updates,
                "failures": device.failures,
                "causes": causes(&device.causes),
                "tried": device.tried.iter().map(tried).collect::<Vec<_>>(),
                "traffic": vitals.traffic.as_ref().map(traffic),
                "memory": vitals.memory.as_ref().map(memory),
            })
        })
        .collect();
    json!({
        "now_ns": status.now_ns,
        "devices": devices,
        "domains": domains.iter().map(domain).collect::<Vec<_>>(),
        "skipped_bytes": status.skipped_bytes,
        "damaged_frames": status.damaged_frames,
    })
}

fn traffic(traffic: &Traffic) -> Value {
    json!({
        "mode": text::mode(traffic.mode),
        "generation": traffic.generation,
        "requests": traffic.requests,
        "bytes": traffic.bytes,
        "waited_ns": traffic.waited_ns,
        "in_flight": traffic.in_flight,
        "queued": traffic.queued,
    })
}

fn memory(memory: &Memory) -> Value {
    json!({ "generations": memory.generations, "room": memory.room, "bytes_each": memory.each })
}

fn domain(domain: &Domain) -> Value {
    json!({
        "name": domain.name.as_str(),
        "dead": domain.dead,
        "restarts": domain.restarts,
        "last_fault": {"label": domain.label, "address": domain.address, "pc": domain.pc},
    })
}

fn causes(counts: &[u32; Cause::COUNT]) -> Value {
    let named = Cause::ALL.into_iter().zip(counts);
    named
        .map(|(cause, count)| (text::cause(cause).to_owned(), Value::from(*count)))
        .collect()
}

fn tried(tried: &Tried) -> Value {
    json!({
        "package": tried.package.as_ref().map(label),
        "times": tried.times,
        "last_ns": tried.last_ns,
        "reason": text::reason(&tried.reason),
        "reason_code": tried.reason,
    })
}

fn condition(condition: &Condition) -> &'static str {
    match condition {
        Condition::Empty => "empty",
        Condition::Working => "working",
        Condition::Probation => "probation",
        Condition::Changing { .. } => "changing",
        Condition::Offline(_) => "offline",
    }
}

fn label(package: &PackageLabel) -> Value {
    json!({ "label": package.label.as_str(), "hash": text::hex(&package.hash) })
}

/// The package store.
pub fn packages(packages: &[Package]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|package| {
            json!({
                "slot": package.slot,
                "sha256": text::hex(&package.sha256),
                "bytes": package.len,
                "label": package.label.as_str(),
                "kept": package.kept,
            })
        })
        .collect();
    json!({ "packages": packages })
}

/// A job or a piece of history.
pub fn record(record: &Record) -> Value {
    let result = match &record.state {
        State::Done(outcome) => Some(text::outcome(outcome)),
        _ => None,
    };
    let reason = match &record.state {
        State::Done(outcome) => text::outcome_reason(outcome),
        _ => None,
    };
    let figures = &record.figures;
    json!({
        "id": record.id,
        "device": record.device,
        "kind": text::kind(record.kind),
        "state": text::state(&record.state),
        "result": result,
        "reason": reason.map(text::reason),
        "reason_code": reason,
        "cause": record.cause.as_ref().map(text::reason),
        "from": record.from.as_ref().map(label),
        "to": record.to.as_ref().map(label),
        "now": record.result.as_ref().map(label),
        "began_ns": figures.began_ns,
        "stage_ns": figures.stage_ns,
        "before_ns": figures.before_ns,
        "quiesce_ns": figures.quiesce_ns,
        "cut_ns": figures.cut_ns,
        "reset_ns": figures.reset_ns,
        "attach_ns": figures.attach_ns,
        "enable_ns": figures.enable_ns,
        "total_ns": figures.total_ns,
        "blackout_ns": figures.blackout_ns,
        "client_gap_ns": figures.client_gap_ns,
        "completions": figures.completions,
        "in_flight": figures.in_flight,
        "undrained": figures.undrained,
        "resubmitted": figures.resubmitted,
        "queued": figures.queued,
    })
}

/// Why an order was refused.
pub fn refusal(error: &Error) -> Value {
    json!({ "error": text::error(error), "error_code": error })
}

/// How far the orderly stop is.
pub fn stop(stop: &Stop) -> Value {
    let waiting: Vec<&str> = stop.waiting.iter().map(|name| name.as_str()).collect();
    json!({ "halted": stop.halted, "waiting": waiting })
}
