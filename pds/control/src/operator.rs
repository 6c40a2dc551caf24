//! What the operator asks, and what is done about it. His bytes are hostile: every name, number and length is looked up.

use control_protocol::record::Kind;
use control_protocol::reply::{Device, Domain, Error, Hello, Package, Reply, Status, Stop, Tried};
use control_protocol::request::{Commit, Request};
use control_protocol::slot::{Slot, Slots};
use control_protocol::{CHUNK_MAX, PackageHash};
use heapless::{String, Vec};

use crate::control::{Core, Stopping};
use crate::history::Asker;
use crate::transaction::Machine;
use crate::world::World;
use orders::{beside, rollback, settle, update};

mod keys;
mod orders;
mod vitals;

/// Most static PDs of a system.
const PDS: u32 = 63;
const _: () = assert!(supervision::root::SILENT == control_protocol::reply::SILENT);

/// Does what a request says. `None`: the payload was no request. `noise` is what the channel lost so far.
pub(crate) fn execute<'b>(
    core: &mut Core,
    world: &mut impl World,
    request: Option<Request<'_>>,
    noise: (u64, u64),
    buffer: &'b mut [u8; CHUNK_MAX],
) -> Reply<'b> {
    let Some(request) = request else {
        return Reply::Error(Error::Malformed);
    };
    let reply = match request {
        Request::Hello => Ok(hello(core, world)),
        Request::Status => Ok(status(core, world, noise)),
        Request::Packages => Ok(packages(core)),
        Request::UploadBegin { len, sha256 } => upload_begin(core, len, &sha256),
        Request::UploadChunk { slot, offset, bytes } => {
            core.store.chunk(world, slot, offset, bytes).map(Reply::Upload)
        }
        Request::UploadEnd { slot } => core.store.end(world, slot).map(Reply::Upload),
        Request::Update {
            device,
            package,
            policy,
            commit,
            drain_us,
        } => {
            let until = (commit == Commit::Manual, drain_us);
            update(core, world, device, &package, policy, until)
        }
        Request::Stage { device, package } => beside(core, world, device, Kind::Stage, &package),
        Request::Check { device, package } => beside(core, world, device, Kind::Check, &package),
        Request::Commit { device } => settle(core, world, device, Error::NothingToCommit, |machine, env| {
            machine.confirm(env)
        }),
        Request::Discard { device } => {
            settle(core, world, device, Error::NothingToDiscard, |machine, env| {
                machine.discard(env)
            })
        }
        Request::Rollback { device } => rollback(core, world, device),
        Request::Kill { device } => settle(core, world, device, Error::NoDriver, |machine, env| {
            machine.kill(env)
        }),
        Request::Job { id } => core
            .history
            .get(id)
            .cloned()
            .map(Reply::Job)
            .ok_or(Error::UnknownJob),
        Request::Ordered { session, request } => {
            let job = core.history.job_of(Asker { session, request });
            let record = job.and_then(|job| core.history.get(job)).cloned();
            record.map(Reply::Job).ok_or(Error::UnknownJob)
        }
        Request::History { device, after } => core.device(device).map(|index| {
            let (records, more) = core.history.page(index as u8, after);
            Reply::History { records, more }
        }),
        Request::Traces => Ok(Reply::Names(core.traces.clone())),
        Request::TraceRead { source, cursor } => trace_read(world, source, cursor, buffer),
        Request::Reports => Ok(Reply::Names(core.reports.clone())),
        Request::ReportRead { name, offset, len } => report_read(core, world, name, offset, len, buffer),
        Request::Stop => Ok(stop(core, world)),
        Request::Domains => Ok(domains(world)),
        Request::Vitals => Ok(vitals::vitals(core, world)),
        Request::Record { device, flow } => vitals::record(core, world, device, flow),
        Request::Slots => Ok(slots(core)),
        Request::Keys => Ok(keys::keys(core, world)),
        Request::Revoke { key } => keys::revoke(core, world, &key),
    };
    reply.unwrap_or_else(Reply::Error)
}

impl Core {
    fn device(&self, name: &str) -> Result<usize, Error> {
        self.devices
            .iter()
            .position(|(setup, _)| setup.name == name)
            .ok_or(Error::UnknownDevice)
    }

    fn machine(&self, index: usize) -> Result<&Machine, Error> {
        self.devices
            .get(index)
            .map(|(_, machine)| machine)
            .ok_or(Error::UnknownDevice)
    }

    fn keeps(&self, package: u8) -> bool {
        // Boot packages of devices that never came up stay too.
        self.devices.iter().any(|(_, machine)| machine.needs(package))
    }

    fn not_stopping(&self) -> Result<(), Error> {
        match self.stop {
            Some(_) => Err(Error::Stopping),
            None => Ok(()),
        }
    }
}

fn hello<'b>(core: &Core, world: &mut impl World) -> Reply<'b> {
    Reply::Hello(Hello {
        counter_hz: core.clock.hz(),
        now_ns: core.clock.nanos(world.now()),
        package_max: core.store.slot_size(),
    })
}

fn status<'b>(core: &Core, world: &mut impl World, noise: (u64, u64)) -> Reply<'b> {
    let devices = core.devices.iter().map(|(setup, machine)| {
        let label = |package: Option<u8>| package.and_then(|package| core.store.label(package));
        let (updates, failures) = machine.counts();
        let holder = machine.holder();
        Device {
            name: setup.name.clone(),
            class: setup.class,
            condition: machine.condition(),
            generation: holder.map_or(0, |holder| holder.generation),
            package: label(holder.map(|holder| holder.package)),
            previous: label(machine.previous()),
            staged: label(machine.held()),
            awaits_commit: machine.probation().is_some_and(|probation| probation.manual),
            security_floor: machine.floor(),
            updates,
            failures,
            causes: machine.causes(),
            tried: machine
                .failures()
                .tried()
                .map(|tried| Tried {
                    package: label(tried.package),
                    times: tried.times,
                    last_ns: core.clock.nanos(tried.last),
                    reason: tried.reason,
                })
                .collect(),
        }
    });
    Reply::Status(Status {
        now_ns: core.clock.nanos(world.now()),
        devices: devices.collect(),
        skipped_bytes: noise.0,
        damaged_frames: noise.1,
    })
}

/// What packages must match.
fn slots<'b>(core: &Core) -> Reply<'b> {
    let slots = core.devices.iter().map(|(setup, machine)| Slot {
        name: setup.name.clone(),
        class: setup.class,
        class_abi: setup.class_abi,
        security_floor: machine.floor(),
        device: setup.device.clone(),
    });
    Reply::Slots(Slots {
        configuration: core.configuration,
        slots: slots.collect(),
    })
}

/// The system's own PDs that faulted.
fn domains<'b>(world: &mut impl World) -> Reply<'b> {
    let mut faulted = Vec::new();
    for index in 0..PDS {
        let Some(state) = world.domain(index) else { break };
        if state.restarts == 0 && !state.dead {
            continue;
        }
        let len = state.name.iter().position(|byte| *byte == 0);
        let name = &state.name[..len.unwrap_or(state.name.len())];
        let name = core::str::from_utf8(name).unwrap_or("?");
        let domain = Domain {
            name: String::try_from(name).unwrap_or_default(),
            dead: state.dead,
            restarts: state.restarts,
            label: state.label,
            address: state.address,
            pc: state.pc,
        };
        if faulted.push(domain).is_err() {
            break;
        }
    }
    Reply::Domains(faulted)
}

fn packages<'b>(core: &Core) -> Reply<'b> {
    let packages = core.store.entries().map(|entry| Package {
        slot: entry.slot,
        sha256: *entry.hash,
        len: entry.len,
        label: String::try_from(entry.label).unwrap_or_default(),
        kept: core.keeps(entry.slot),
    });
    Reply::Packages(packages.collect())
}

fn upload_begin<'b>(core: &mut Core, len: u32, sha256: &PackageHash) -> Result<Reply<'b>, Error> {
    core.not_stopping()?;
    let devices = &core.devices;
    let kept = |slot| devices.iter().any(|(_, machine)| machine.needs(slot));
    core.store.begin(len, sha256, kept).map(Reply::Upload)
}

fn trace_read<'b>(
    world: &mut impl World,
    source: u8,
    cursor: u64,
    buffer: &'b mut [u8; CHUNK_MAX],
) -> Result<Reply<'b>, Error> {
    let (len, next, lost) = world
        .read_trace(usize::from(source), cursor, &mut buffer[..])
        .ok_or(Error::UnknownName)?;
    Ok(Reply::Trace {
        next,
        lost,
        bytes: &buffer[..len.min(CHUNK_MAX)],
    })
}

fn report_read<'b>(
    core: &Core,
    world: &mut impl World,
    name: &str,
    offset: u32,
    len: u16,
    buffer: &'b mut [u8; CHUNK_MAX],
) -> Result<Reply<'b>, Error> {
    let report = core
        .reports
        .iter()
        .position(|report| report == name)
        .ok_or(Error::UnknownName)?;
    let total = world.report_len(report);
    let left = total.checked_sub(offset).ok_or(Error::OutOfRange)?;
    let bytes = buffer
        .get_mut(..usize::from(len).min(left as usize))
        .ok_or(Error::OutOfRange)?;
    world.read_report(report, offset as usize, bytes);
    Ok(Reply::Report { total, bytes })
}

fn stop<'b>(core: &mut Core, world: &mut impl World) -> Reply<'b> {
    let waiting = match core.stop {
        Some(stop) => stop.waiting,
        None => {
            let count = core.reports.len();
            (0..count).for_each(|report| world.ask_to_stop(report));
            let now = world.now();
            world.trace(trace::Event::new(now, trace::Kind::Halt, 0, 0));
            // At most `MAX_NAMES` reports: fewer than bits.
            let waiting = (1u32 << count) - 1;
            core.stop = Some(Stopping { waiting });
            waiting
        }
    };
    let names = core
        .reports
        .iter()
        .enumerate()
        .filter(|(report, _)| waiting & 1 << report != 0);
    let waiting: Vec<_, _> = names.map(|(_, name)| name.clone()).collect();
    let halted = waiting.is_empty();
    Reply::Stop(Stop { waiting, halted })
}
