//! Control as a whole: the devices, the store, the history, the channel.

use control_protocol::reply::{MAX_DEVICES, MAX_KEYS, MAX_NAMES, Name};
use control_protocol::slot::Identity;
use control_protocol::{PublicKey, Reply, Request};
use heapless::Vec;
use supervision::{root, shadow, stager};

use crate::channel::Channel;
use crate::clock::{Clock, Limits};
use crate::history::History;
use crate::state::Saved;
use crate::store::Store;
use crate::transaction::{Env, Machine, Order, cause, job_owner};
use crate::world::World;

/// What control is told about a device slot.
#[derive(Clone, Debug)]
pub struct SlotSetup {
    /// Name the operator uses.
    pub name: Name,
    /// Class number.
    pub class: u32,
    /// Number of the device slot.
    pub slot: u32,
    /// Store slot of the package that is started at boot.
    pub package: u8,
    /// Packages with a smaller security floor are refused.
    pub security_floor: u32,
    /// Hash of the class's ABI text, for the operator.
    pub class_abi: Option<[u8; 32]>,
    /// The device, for the operator.
    pub device: Identity,
}

/// What control is told about the system.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Frequency of the counter.
    pub counter_hz: u64,
    /// Number of the kernel's configuration, for the operator.
    pub configuration: u32,
    /// How long things may take.
    pub limits: Limits,
    /// Device slots.
    pub slots: Vec<SlotSetup, MAX_DEVICES>,
    /// Whose packages the stager takes, in its order; the first [`MAX_KEYS`] count.
    pub keys: &'a [PublicKey],
    /// Slots of the package store.
    pub store_slots: usize,
    /// Bytes of one.
    pub store_slot_size: u32,
    /// Bytes of the packages that lie in the first of them.
    pub preloaded: &'a [u32],
    /// PDs with a report region, which also take part in an orderly stop.
    pub reports: Vec<Name, MAX_NAMES>,
    /// PDs with a trace region.
    pub traces: Vec<Name, MAX_NAMES>,
    /// What a predecessor left.
    pub saved: Option<Saved>,
}

/// Control. Its methods take what the world reports; each does a bounded amount of work.
#[derive(Debug)]
pub struct Control {
    pub(crate) core: Core,
    channel: Channel,
}

/// While it is made, the stack holds it three times, and a reply while the first request waits: of 256 KiB (`stack_size` in the
/// description) about 150 are used.
const _: () = assert!(size_of::<Control>() <= 44 * 1024 && size_of::<Reply<'_>>() <= 4 * 1024);

/// Everything but the channel.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) configuration: u32,
    pub(crate) limits: Limits,
    pub(crate) store: Store,
    pub(crate) history: History,
    pub(crate) keys: Vec<PublicKey, MAX_KEYS>,
    pub(crate) devices: Vec<(SlotSetup, Machine), MAX_DEVICES>,
    pub(crate) reports: Vec<Name, MAX_NAMES>,
    pub(crate) traces: Vec<Name, MAX_NAMES>,
    pub(crate) stop: Option<Stopping>,
}

/// An orderly stop: which PDs (bit per report) have not said "stopped" yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopping {
    pub(crate) waiting: u32,
}

impl Control {
    /// Control of a system in which every device gets its first driver now, or that goes on from where a predecessor
    /// stopped.
    pub fn new(world: &mut impl World, setup: Setup<'_>) -> Self {
        // Made where it is to be: it is large.
        let mut control = Self {
            core: Core {
                clock: Clock::new(setup.counter_hz),
                configuration: setup.configuration,
                limits: setup.limits,
                store: Store::new(world, setup.store_slots, setup.store_slot_size, setup.preloaded),
                history: History::default(),
                keys: setup.keys.iter().take(MAX_KEYS).copied().collect(),
                devices: Vec::new(),
                reports: setup.reports,
                traces: setup.traces,
                stop: None,
            },
            channel: Channel::new(),
        };
        let core = &mut control.core;
        if setup.saved.is_some() {
            core.history.restore(world);
            core.store.restore(world);
        }
        for (index, slot) in setup.slots.into_iter().enumerate() {
            let machine = Machine::new(index as u8, slot.slot).with_floor(slot.security_floor);
            // As many as `setup.slots` has room for.
            let _ = core.devices.push((slot, machine));
            let saved = setup
                .saved
                .as_ref()
                .and_then(|saved| saved.slots.get(index))
                .filter(|state| state.step != 0);
            let resumed =
                saved.and_then(|state| core.with(world, index, |machine, env| machine.resume(env, state)));
            if resumed != Some(true) {
                core.boot(world, index);
            }
        }
        core.history.flush(world);
        control
    }

    /// A message of the shadow. Messages about slots that do not exist mean nothing.
    pub fn shadow_event(&mut self, world: &mut impl World, event: &shadow::Event) {
        if let Some(index) = self.core.index_of(event.slot) {
            self.core
                .with(world, index, |machine, env| machine.shadow_event(env, event));
        }
    }

    /// A finished job of the stager.
    pub fn stager_outcome(&mut self, world: &mut impl World, outcome: &stager::Outcome) {
        if let Some(index) = job_owner(outcome.id) {
            self.core
                .with(world, index, |machine, env| machine.built(env, outcome));
        }
    }

    /// Root saw a driver stop.
    pub fn root_event(&mut self, world: &mut impl World, event: &root::Event) {
        if let Some(index) = self.core.index_of(event.slot) {
            self.core.with(world, index, |machine, env| {
                machine.died(env, event.generation, cause(event))
            });
        }
    }

    /// Devices came or went, or are to.
    pub fn devices_changed(&mut self, world: &mut impl World) {
        for index in 0..self.core.devices.len() {
            self.core.with(world, index, |machine, env| machine.look(env));
        }
    }

    /// PD `report` says that it has stopped.
    pub fn stopped(&mut self, report: usize) {
        if let Some(stop) = &mut self.core.stop {
            stop.waiting &= !1u32.checked_shl(report as u32).unwrap_or(0);
        }
    }

    /// When [`tick`](Self::tick) is wanted next.
    pub fn deadline(&self) -> Option<u64> {
        self.core
            .devices
            .iter()
            .filter_map(|(_, machine)| machine.deadline())
            .min()
    }

    /// Time has passed. May be called at any time.
    pub fn tick(&mut self, world: &mut impl World) {
        for index in 0..self.core.devices.len() {
            self.core.with(world, index, |machine, env| machine.tick(env));
        }
    }

    /// Bytes from the command channel: takes as many as there is room for and says how many.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        self.channel.feed(bytes)
    }

    /// Answers the next request if the reply before it has left. True: there may be more.
    pub fn serve(&mut self, world: &mut impl World) -> bool {
        let core = &mut self.core;
        self.channel.serve(|asker, request, noise, buffer| {
            let repeated = request
                .filter(Request::has_effect)
                .and_then(|_| core.history.job_of(asker));
            if let Some(job) = repeated {
                // A predecessor executed it and did not live to say so.
                return Reply::Accepted { job };
            }
            core.history.asked_by(Some(asker));
            let reply = crate::operator::execute(core, world, request, noise, buffer);
            core.history.asked_by(None);
            core.history.flush(world);
            reply
        })
    }

    /// Bytes for the command channel.
    pub fn output(&self) -> &[u8] {
        self.channel.output()
    }

    /// So many of them have left.
    pub fn sent(&mut self, bytes: usize) {
        self.channel.sent(bytes);
    }

    /// The machine of device `index`.
    pub fn machine(&self, index: usize) -> Option<&Machine> {
        self.core.devices.get(index).map(|(_, machine)| machine)
    }
}

impl Core {
    /// Lets `act` work on the machine of device `index`.
    pub(crate) fn with<W: World, R>(
        &mut self,
        world: &mut W,
        index: usize,
        act: impl FnOnce(&mut Machine, &mut Env<'_, W>) -> R,
    ) -> Option<R> {
        let (_, machine) = self.devices.get_mut(index)?;
        let mut env = Env {
            world,
            store: &mut self.store,
            history: &mut self.history,
            clock: self.clock,
            limits: &self.limits,
        };
        let result = act(machine, &mut env);
        self.history.flush(world);
        Some(result)
    }

    fn boot(&mut self, world: &mut impl World, index: usize) -> Option<()> {
        let package = self.devices.get(index)?.0.package;
        let to = self.store.label(package);
        let kind = control_protocol::record::Kind::Boot;
        let record = self.history.open(index as u8, kind, None, to, None);
        let order = Order {
            record,
            kind,
            package,
            policy: shadow::Policy::First,
            manual: false,
            drain_us: None,
        };
        // A machine that is new is not busy.
        self.with(world, index, |machine, env| machine.accept(env, order))
            .map(|_| ())
    }

    fn index_of(&self, slot: u32) -> Option<usize> {
        self.devices
            .iter()
            .position(|(_, machine)| machine.slot() == slot)
    }
}
