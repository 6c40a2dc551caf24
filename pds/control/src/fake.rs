//! A world for tests: root, bus, stager and shadows as their contracts say, with faults on demand.
//!
//! It punishes: a call that breaks a rule of safety (two drivers with one device, a start without a reset, a reset
//! under a running driver, a request replayed to the wrong generation) is a panic here.

extern crate std;

use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

use supervision::{Code, root, shadow, stager};
use zerocopy::FromZeros;

use crate::state::{Saved, SlotState};
use crate::world::{Call, Consumed, World};

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
    /// How often it was reset.
    pub resets: u32,
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
    /// Bytes of the store.
    pub store: Vec<Vec<u8>>,
    /// Jobs that the stager was given.
    pub jobs: usize,
    /// Trace.
    pub trace: Vec<trace::Event>,
    /// PDs that were asked to stop.
    pub asked_to_stop: Vec<usize>,
    /// Report regions.
    pub report_regions: Vec<Vec<u8>>,
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
            resets: 0,
        };
        Self {
            now: 1000,
            reports: VecDeque::new(),
            interactions: 0,
            faults: BTreeMap::new(),
            control_is_dead: false,
            cut_refused: false,
            shadow_deaf: false,
            discard_refused: false,
            saved: Saved::fresh(),
            ledger: std::vec![0; crate::ledger::LEN],
            devices: (0..slots).map(|slot| (slot, device.clone())).collect(),
            store,
            jobs: 0,
            trace: Vec::new(),
            asked_to_stop: Vec::new(),
            report_regions: std::vec![b"report of the first".to_vec()],
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

    fn device(&mut self, slot: u32) -> &mut Device {
        self.devices
            .get_mut(&slot)
            .expect("slot that control was told of")
    }

    fn behaviour(&self, package: u32) -> Behaviour {
        match self.store.get(package as usize).and_then(|bytes| bytes.first()) {
            Some(b'G') => Behaviour::Good,
            Some(b'L') => Behaviour::Lacking,
            Some(b'P') => Behaviour::NoProbe,
            Some(b'F') => Behaviour::Faulting,
            Some(b'H') => Behaviour::Hanging,
            Some(b'C') => Behaviour::Crashing,
            _ => Behaviour::Damaged,
        }
    }

    /// A started driver probes, reports, and the shadow decides.
    fn probe(&mut self, slot: u32, generation: u32) {
        let device = self.device(slot);
        let behaviour = device.generations[&generation].behaviour;
        let Mode::Attached(expected, policy) = device.mode else {
            panic!("driver started while nobody expects it")
        };
        assert_eq!(
            expected, generation,
            "driver started that the shadow does not expect"
        );
        let lost =
            behaviour == Behaviour::Lacking && device.has_record && policy == shadow::Policy::Refuse as u32;
        match behaviour {
            _ if lost => {
                device.mode = Mode::Active(None);
                self.tell(slot, shadow::EventKind::Refused, generation, [4, 0, 0]);
            }
            Behaviour::Good | Behaviour::Lacking | Behaviour::Crashing => {
                device.mode = Mode::Passive(generation);
                device.has_record |= behaviour != Behaviour::Lacking;
                self.tell(
                    slot,
                    shadow::EventKind::Enabled,
                    generation,
                    [self.now - 100, self.now, 3 << 32 | 7],
                );
                if behaviour == Behaviour::Crashing {
                    self.driver_dies(slot);
                }
            }
            Behaviour::NoProbe => self.failed(slot, generation, shadow::Failure::Probe),
            Behaviour::Hanging => self.failed(slot, generation, shadow::Failure::ProbeDeadline),
            Behaviour::Faulting => self.driver_dies(slot),
            Behaviour::Damaged => panic!("damaged package was built"),
        }
    }

    fn failed(&mut self, slot: u32, generation: u32, failure: shadow::Failure) {
        self.device(slot).mode = Mode::Active(None);
        self.tell(
            slot,
            shadow::EventKind::Failed,
            generation,
            [failure as u64, 9, 0],
        );
    }

    fn start(&mut self, slot: u32, generation: u32) -> Code {
        assert!(self.running(slot).is_none(), "a second driver is started");
        let device = self.device(slot);
        assert!(!device.needs_reset, "started on a device that was not reset");
        match device.generations.get_mut(&generation) {
            Some(one) if one.life == Life::Staged => one.life = Life::Running,
            _ => return Code::WrongState,
        }
        self.probe(slot, generation);
        Code::Ok
    }

    fn cut(&mut self, slot: u32, generation: u32) -> Code {
        let device = self.device(slot);
        match device.generations.get_mut(&generation) {
            Some(one) if one.life == Life::Running => {
                one.life = Life::Cut;
                device.needs_reset = true;
                Code::Ok
            }
            Some(one) if one.life == Life::Cut => Code::Ok,
            Some(_) => Code::WrongState,
            None => Code::Invalid,
        }
    }

    fn discard(&mut self, slot: u32, generation: u32) -> Code {
        let device = self.device(slot);
        let needs_reset = device.needs_reset;
        match device.generations.get_mut(&generation) {
            None => Code::Invalid,
            Some(one) if one.life == Life::Running => Code::WrongState,
            Some(one) if one.life == Life::Cut && needs_reset => Code::WrongState,
            Some(one) if one.portions > 0 => {
                one.portions -= 1;
                Code::Again
            }
            Some(_) => {
                device.generations.remove(&generation);
                Code::Ok
            }
        }
    }

    fn reset(&mut self, slot: u32) -> Code {
        assert!(
            self.running(slot).is_none(),
            "device reset under a running driver"
        );
        let device = self.device(slot);
        device.needs_reset = false;
        device.resets += 1;
        Code::Ok
    }

    fn obey(&mut self, command: shadow::Command, answer: bool) {
        use shadow::{CommandKind as C, EventKind as E};
        let slot = command.slot;
        let before = self.reports.len();
        let device = self.device(slot);
        device.transaction = command.transaction;
        let current = match device.mode {
            Mode::Passive(generation) | Mode::Active(Some(generation)) => Some(generation),
            _ => None,
        };
        if command.kind == C::Quiesce as u32 {
            device.mode = Mode::Active(current);
            self.tell(slot, E::Quiesced, current.unwrap_or(0), [32, 1, 0]);
        } else if command.kind == C::Impersonate as u32 {
            device.mode = Mode::Active(None);
            self.tell(slot, E::Quiesced, current.unwrap_or(0), [32, 32, 0]);
        } else if command.kind == C::Resume as u32 {
            if let Some(generation) = current {
                device.mode = Mode::Passive(generation);
                self.tell(slot, E::Enabled, generation, [0, 0, 0]);
            }
        } else if command.kind == C::Attach as u32 {
            let deaf = self.shadow_deaf;
            let device = self.device(slot);
            assert!(
                deaf || !matches!(device.mode, Mode::Passive(_)),
                "attached while passive"
            );
            let generation = command.a as u32;
            let side = device.generations.get(&generation).map(|one| one.side);
            assert_eq!(side, Some(command.b), "attached to the wrong side");
            device.mode = Mode::Attached(generation, command.policy);
            self.tell(slot, E::Attached, generation, [0, 0, 0]);
        } else if command.kind == C::Offline as u32 {
            device.mode = Mode::Offline;
        } else if command.kind == C::EndGap as u32 {
            self.tell(slot, E::Gap, 0, [5000, 77, 0]);
        }
        if !answer {
            self.reports.truncate(before);
        }
    }

    fn build(&mut self, job: stager::Job) {
        let behaviour = self.behaviour(job.package);
        let mut outcome = stager::Outcome {
            id: job.id,
            ..stager::Outcome::new_zeroed()
        };
        let device = self.device(job.slot);
        if behaviour == Behaviour::Damaged || job.len == 0 {
            outcome.refusal = stager::Refusal::Damaged as u32;
        } else if device.generations.len() >= ROOM {
            outcome.refusal = stager::Refusal::NoMemory as u32;
        } else {
            outcome.generation = device.next;
            let generation = Generation {
                life: Life::Staged,
                side: job.side.into(),
                behaviour,
                portions: 5,
                stopped: false,
            };
            device.generations.insert(device.next, generation);
            device.next += 1;
        }
        self.reports.push_back(Report::Stager(outcome));
    }
}

impl World for FakeWorld {
    fn now(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn call(&mut self, slot: u32, call: Call) -> Code {
        let fault = self.fault(slot);
        match (fault, call) {
            _ if self.control_is_dead => Code::Denied,
            (Some(Fault::Fails(code)), call) => {
                self.cut_refused |= matches!(call, Call::Cut(_));
                self.discard_refused |= matches!(call, Call::Discard(_));
                // Root may refuse to cut, but it does not claim that what runs does not.
                if matches!(call, Call::Cut(_)) {
                    Code::Denied
                } else {
                    code
                }
            }
            (_, Call::Start(generation)) => self.start(slot, generation),
            (_, Call::Cut(generation)) => self.cut(slot, generation),
            (_, Call::Discard(generation)) => self.discard(slot, generation),
            (_, Call::Reset) => self.reset(slot),
            (_, Call::Kill) => match self.running(slot) {
                Some(_) => {
                    self.driver_dies(slot);
                    Code::Ok
                }
                None => Code::WrongState,
            },
        }
    }

    fn running_generation(&mut self, slot: u32) -> u32 {
        let holder = self.running(slot);
        let stands = |generation: &u32| !self.devices[&slot].generations[generation].stopped;
        holder.filter(stands).unwrap_or(0)
    }

    fn domain(&mut self, index: u32) -> Option<root::DomainState> {
        let mut state = root::DomainState {
            restarts: index,
            ..root::DomainState::UNHARMED
        };
        state.name[..2].copy_from_slice(b"pd");
        (index < 3).then_some(state)
    }

    fn consumed(&mut self, slot: u32) -> Option<Consumed> {
        self.running(slot)?;
        // Of the second that `idle` speaks of, half is the budget.
        Some(Consumed {
            taken_us: self.busy_permille * 500,
            budget_us: 5,
            period_us: 10,
        })
    }

    fn command(&mut self, command: shadow::Command) {
        match self.fault(command.slot) {
            _ if self.control_is_dead => {}
            Some(Fault::Fails(_)) => {
                let gone = [
                    shadow::CommandKind::Offline as u32,
                    shadow::CommandKind::Impersonate as u32,
                ];
                self.shadow_deaf |= gone.contains(&command.kind);
            }
            fault => self.obey(command, fault != Some(Fault::AnswerLost)),
        }
    }

    fn job(&mut self, job: stager::Job) {
        match self.fault(job.slot) {
            _ if self.control_is_dead => {}
            Some(Fault::Fails(_)) => {}
            fault => {
                self.jobs += 1;
                self.build(job);
                if fault == Some(Fault::AnswerLost) {
                    // Late, not lost: by then the job was given up.
                    self.now += 40 * HZ;
                }
            }
        }
    }

    fn trace(&mut self, event: trace::Event) {
        self.trace.push(event);
    }

    fn save(&mut self, index: usize, state: &SlotState) {
        if !self.control_is_dead {
            self.saved.slots[index] = *state;
        }
    }

    fn keep(&mut self, offset: usize, bytes: &[u8]) {
        if !self.control_is_dead {
            self.ledger[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.ledger[offset..offset + buffer.len()]);
    }

    fn write_package(&mut self, slot: usize, offset: usize, bytes: &[u8]) {
        self.store[slot][offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn read_package(&mut self, slot: usize, offset: usize, buffer: &mut [u8]) {
        let Some(bytes) = self.store.get(slot).and_then(|bytes| bytes.get(offset..)) else {
            return;
        };
        let len = buffer.len().min(bytes.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
    }

    fn read_trace(&mut self, source: usize, cursor: u64, buffer: &mut [u8]) -> Option<(usize, u64, u64)> {
        if source != 0 {
            return None;
        }
        let mut next = cursor;
        let mut len = 0;
        while let Some(event) = self.trace.get(next as usize) {
            let Some(room) = buffer.get_mut(len..len + size_of::<trace::Event>()) else {
                break;
            };
            room.copy_from_slice(zerocopy::IntoBytes::as_bytes(event));
            len += room.len();
            next += 1;
        }
        Some((len, next, 0))
    }

    fn report_len(&mut self, report: usize) -> u32 {
        self.report_regions
            .get(report)
            .map_or(0, |region| region.len() as u32)
    }

    fn read_report(&mut self, report: usize, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.report_regions[report][offset..offset + buffer.len()]);
    }

    fn ask_to_stop(&mut self, report: usize) {
        self.asked_to_stop.push(report);
    }
}
