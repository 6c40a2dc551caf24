//! A world for tests: root, bus, stager and shadows as their contracts say, with faults on demand.
//!
//! It punishes: a call that breaks a rule of safety (two drivers with one device, a start without a reset, a reset
//! under a running driver, a request replayed to the wrong generation) is a panic here.

extern crate std;

mod parties;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

use supervision::bus::Presence;
use supervision::{Code, root, shadow, stager};
use zerocopy::FromZeros;

use crate::state::Saved;

/// Ticks per second of the fake counter.
pub const HZ: u64 = 1_000_000;
/// Generations that fit into the memory of one slot.
pub const ROOM: usize = 3;

/// What is done to one interaction (a call, a command, a job).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails with this code; a command or job is lost.
    Fails(Code),
    /// A command is obeyed, but its answer is lost. No effect on calls.
    AnswerLost,
    /// The driver that runs faults just before.
    DriverDies,
    /// Control dies just before: nothing it does from here on has an effect.
    ControlDies,
}

/// What a driver does, told by the first byte of its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// `G`: works.
    Good,
    /// `L`: works, but lacks a capability.
    Lacking,
    /// `P`: reports that it cannot probe.
    NoProbe,
    /// `F`: faults in probe.
    Faulting,
    /// `H`: never reports.
    Hanging,
    /// `C`: serves, and faults at once.
    Crashing,
    /// Anything else: no package.
    Damaged,
}

/// Something that is on its way to control.
#[derive(Clone, Copy, Debug)]
pub enum Report {
    /// From a shadow.
    Shadow(shadow::Event),
    /// From the stager.
    Stager(stager::Outcome),
    /// From root.
    Root(root::Event),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Staged,
    Running,
    Cut,
}

#[derive(Clone, Copy, Debug)]
struct Generation {
    life: Life,
    side: u64,
    behaviour: Behaviour,
    portions: u32,
    /// It faulted or was killed.
    stopped: bool,
}

/// What a shadow does with its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing was attached yet, or there is no driver any more.
    Offline,
    /// Forwards to this generation.
    Passive(u32),
    /// Impersonates; this generation was quiesced and could go on.
    Active(Option<u32>),
    /// Waits for this generation's report, under this policy.
    Attached(u32, u32),
}

/// A device slot and all that serves it.
#[derive(Clone, Debug)]
pub struct Device {
    generations: BTreeMap<u32, Generation>,
    next: u32,
    needs_reset: bool,
    /// What the shadow does.
    pub mode: Mode,
    transaction: u32,
    /// The record of the first driver has the capability that `Lacking` lacks.
    has_record: bool,
    /// How long its shadow was last told to drain, and which requests are too old for that; ticks.
    pub drained: (u64, u64),
    /// How often it was reset.
    pub resets: u32,
    /// Whether there is one.
    pub presence: Presence,
    /// It would go past the IOMMU.
    pub unguarded: bool,
    /// How often its power was taken.
    pub releases: u32,
}

/// The world.
#[derive(Debug)]
pub struct FakeWorld {
    /// The counter.
    pub now: u64,
    /// What is on its way to control.
    pub reports: VecDeque<Report>,
    /// Interactions so far.
    pub interactions: usize,
    /// Faults by interaction.
    pub faults: BTreeMap<usize, Fault>,
    /// Times that control wrote something that survives it.
    pub writes: usize,
    /// Control dies just before this one of them.
    pub dies_at_write: Option<usize>,
    /// Drivers that were killed on order.
    pub kills: u32,
    /// Parts of the system that were started anew on order.
    pub renewed: Vec<supervision::root::Part>,
    /// How often the stager was given time before the clients.
    pub hurries: u32,
    /// It has that time now.
    pub hurried: bool,
    /// A fault said so.
    pub control_is_dead: bool,
    /// Root refused a cut: it keeps a driver running that control wants gone.
    pub cut_refused: bool,
    /// The shadow was not told that its driver is gone.
    pub shadow_deaf: bool,
    /// Root refused to give memory back.
    pub discard_refused: bool,
    /// What control saved.
    pub saved: Saved,
    /// What else control keeps.
    pub ledger: Vec<u8>,
    /// Devices by slot number.
    pub devices: BTreeMap<u32, Device>,
    /// Whose packages the stager takes; it takes unsigned ones too.
    pub keys: Vec<[u8; 32]>,
    /// Bytes of the store.
    pub store: Vec<Vec<u8>>,
    /// Jobs that the stager was given.
    pub jobs: usize,
    /// Jobs over which it hangs.
    hung: Vec<stager::Job>,
    /// Trace.
    pub trace: Vec<trace::Event>,
    /// PDs that were asked to stop.
    pub asked_to_stop: Vec<usize>,
    /// Report regions.
    pub report_regions: Vec<Vec<u8>>,
    /// How static PDs fared.
    pub domains: Vec<root::DomainState>,
    /// What drivers take of the processor, in thousandths of their budget.
    pub busy_permille: u64,
}

impl FakeWorld {
    /// A world with `slots` device slots, and packages in the first slots of a store of `store_slots`.
    pub fn new(slots: u32, store_slots: usize, slot_size: usize, packages: &[&[u8]]) -> Self {
        let mut store = std::vec![std::vec![0; slot_size]; store_slots];
        for (slot, package) in store.iter_mut().zip(packages) {
            slot[..package.len()].copy_from_slice(package);
        }
        let device = Device {
            generations: BTreeMap::new(),
            next: 1,
            needs_reset: false,
            mode: Mode::Offline,
            transaction: 0,
            has_record: false,
            drained: (0, 0),
            resets: 0,
            presence: Presence::Present,
            unguarded: false,
            releases: 0,
        };
        Self {
            now: 1000,
            reports: VecDeque::new(),
            interactions: 0,
            faults: BTreeMap::new(),
            writes: 0,
            dies_at_write: None,
            kills: 0,
            renewed: Vec::new(),
            hurries: 0,
            hurried: false,
            control_is_dead: false,
            cut_refused: false,
            shadow_deaf: false,
            discard_refused: false,
            saved: Saved::fresh(),
            ledger: std::vec![0; crate::ledger::LEN],
            devices: (0..slots).map(|slot| (slot, device.clone())).collect(),
            keys: Vec::new(),
            store,
            jobs: 0,
            hung: Vec::new(),
            trace: Vec::new(),
            asked_to_stop: Vec::new(),
            report_regions: std::vec![b"report of the first".to_vec()],
            domains: Vec::new(),
            busy_permille: 1,
        }
    }

    /// The generation of a slot that has the device.
    pub fn running(&self, slot: u32) -> Option<u32> {
        let mut running = self.devices[&slot]
            .generations
            .iter()
            .filter(|(_, one)| one.life == Life::Running);
        let first = running.next().map(|(generation, _)| *generation);
        assert!(running.next().is_none(), "two drivers with one device");
        first
    }

    /// Generations of a slot that exist.
    pub fn alive(&self, slot: u32) -> usize {
        self.devices[&slot].generations.len()
    }

    /// Generations of a slot that were cut from a device that was not reset since.
    pub fn quarantined(&self, slot: u32) -> usize {
        let device = &self.devices[&slot];
        device
            .generations
            .values()
            .filter(|one| device.needs_reset && one.life == Life::Cut)
            .count()
    }

    /// The driver of a slot faults, if one runs.
    pub fn driver_dies(&mut self, slot: u32) {
        if let Some(generation) = self.running(slot) {
            if let Some(one) = self.device(slot).generations.get_mut(&generation) {
                one.stopped = true;
            }
            let (kind, detail, address, pc) = (root::EventKind::Fault, 5, 0xdead, 0x20_1000);
            self.reports.push_back(Report::Root(root::Event {
                kind,
                slot,
                generation,
                detail,
                address,
                pc,
            }));
        }
    }

    /// Root tells a control that was just started of drivers that stopped, and that nobody has dealt with.
    pub fn root_tells_again(&mut self) {
        for slot in 0..self.devices.len() as u32 {
            let is_root = |report: &Report| matches!(report, Report::Root(event) if event.slot == slot);
            let told = self.reports.iter().any(is_root);
            let running = self.running(slot);
            if running.is_some_and(|one| !told && self.devices[&slot].generations[&one].stopped) {
                self.driver_dies(slot);
            }
        }
    }

    /// A generation of a slot of which nobody has told control.
    pub fn stray(&mut self, slot: u32) {
        let job = stager::Job {
            slot,
            len: 1,
            ..stager::Job::new_zeroed()
        };
        self.build(job);
        self.reports.pop_back();
    }

    /// The successor of a stager that hung does what that one was told.
    pub fn stager_goes_on(&mut self) {
        for job in core::mem::take(&mut self.hung) {
            self.build(job);
        }
    }

    /// The shadow of a slot wants its driver retired.
    pub fn retire(&mut self, slot: u32) {
        if let Some(generation) = self.running(slot) {
            let failure = shadow::Failure::Link as u64;
            self.tell(slot, shadow::EventKind::Retire, generation, [failure, 1, 0]);
        }
    }

    /// The shadow of a slot says that its driver had nothing to do, for a second; `again`: for another one.
    pub fn idle(&mut self, slot: u32, again: bool) {
        if let Some(generation) = self.running(slot) {
            let words = [HZ, again.into(), 5];
            self.tell(slot, shadow::EventKind::Idle, generation, words);
        }
    }

    fn tell(&mut self, slot: u32, kind: shadow::EventKind, generation: u32, [a, b, c]: [u64; 3]) {
        let unasked = matches!(kind, shadow::EventKind::Retire | shadow::EventKind::Idle);
        let transaction = if unasked {
            0
        } else {
            self.devices[&slot].transaction
        };
        let kind = kind as u32;
        self.reports.push_back(Report::Shadow(shadow::Event {
            kind,
            slot,
            generation,
            transaction,
            a,
            b,
            c,
        }));
    }

    /// The next interaction's fault, with what it does at once done.
    fn fault(&mut self, slot: u32) -> Option<Fault> {
        let fault = self.faults.get(&self.interactions).copied();
        self.interactions += 1;
        match fault {
            Some(Fault::DriverDies) => self.driver_dies(slot),
            Some(Fault::ControlDies) => self.control_is_dead = true,
            _ => {}
        }
        fault
    }

    /// Control writes something that survives it.
    fn writes(&mut self) {
        self.control_is_dead |= self.dies_at_write == Some(self.writes);
        self.writes += 1;
    }

    fn device(&mut self, slot: u32) -> &mut Device {
        self.devices
            .get_mut(&slot)
            .expect("slot that control was told of")
    }
}
