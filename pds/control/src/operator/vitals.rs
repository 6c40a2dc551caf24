//! What the devices do, as shadows and root show it; and the switch of the shadows' recording.

use control_protocol::Reply;
use control_protocol::reply::Error;
use control_protocol::vitals::{DeviceVitals, Flow, Mode, Traffic, Vitals};
use supervision::shadow::{self, Command, CommandKind};

use crate::clock::Clock;
use crate::control::Core;
use crate::world::World;

pub(super) fn vitals<'b>(core: &Core, world: &mut impl World) -> Reply<'b> {
    let devices = core.devices.iter().map(|(setup, _)| DeviceVitals {
        traffic: world
            .counters(setup.slot)
            .map(|counters| traffic(&counters, core.clock)),
        memory: world.memory(setup.slot),
    });
    let devices = devices.collect();
    Reply::Vitals(Vitals {
        now_ns: core.clock.nanos(world.now()),
        devices,
    })
}

fn traffic(counters: &trace::Counters, clock: Clock) -> Traffic {
    let (total, standing) = (counters.total, counters.standing);
    Traffic {
        mode: match standing.mode {
            0 => Mode::Offline,
            1 => Mode::Waiting,
            2 => Mode::Passive,
            3 => Mode::Draining,
            4 => Mode::Active,
            _ => Mode::Unknown,
        },
        generation: standing.generation,
        requests: total.answered,
        bytes: total.bytes,
        waited_ns: clock.nanos(total.waited),
        in_flight: standing.sent.count_ones(),
        // What the driver has is live; seen between two passes it may not be.
        queued: (standing.live & !standing.sent).count_ones(),
    }
}

pub(super) fn record<'b>(
    core: &Core,
    world: &mut impl World,
    device: &str,
    flow: Flow,
) -> Result<Reply<'b>, Error> {
    let index = core.device(device)?;
    let (setup, _) = core.devices.get(index).ok_or(Error::UnknownDevice)?;
    let word = match flow {
        Flow::Off => shadow::Flow::Off,
        Flow::On => shadow::Flow::On,
        Flow::Single => shadow::Flow::Single,
    };
    world.command(Command {
        kind: CommandKind::Flow as u32,
        slot: setup.slot,
        a: word as u64,
        ..Command::default()
    });
    Ok(Reply::Recording(flow))
}
