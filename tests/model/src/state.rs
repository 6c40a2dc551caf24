//! The whole system at one moment.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use control::state::SlotState;
use control::transaction::Machine;
use supervision::{shadow, stager};

use crate::bounds::Bounds;
use crate::client::Client;
use crate::device::{Device, Driver};
use crate::endings::Crash;
use crate::memory::Memory;
use crate::records::{Ledger, Records};
use crate::root::Root;
use crate::shadow::Shadow;

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two drivers had the device, or one got it as another had left it.
    TwoOwners,
    /// Memory was given away that the device may still write to.
    MemoryReused,
    /// The disk, or a read, does not show what was acknowledged last.
    LostWrite,
    /// A request was begun, or was carried out, after it had been answered.
    StaleReplay,
    /// A request was begun before one that it overlaps with and that its session sent earlier was answered.
    Disorder,
    /// A request was answered twice, or never sent.
    AnsweredTwice,
    /// A request was answered that the device has not carried out: with another's answer, or with none.
    NotDone,
    /// A client saw an error although the device was not offline.
    ClientError,
}

/// What the stager builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Building {
    /// Its job.
    pub job: stager::Job,
    /// The generation.
    pub generation: u32,
}

/// The system. Messages on links come in order; each link is a queue of its own.
#[derive(Clone)]
pub struct State {
    /// Control's machine; `None`: it died, and root has not started it again.
    pub machine: Option<Machine>,
    /// What it saved.
    pub saved: SlotState,
    /// Its records.
    pub records: Records,
    /// What survives of them.
    pub ledger: Ledger,
    /// The trouble that there was, for who wants to know how it ended.
    pub crash: Option<Crash>,
    /// From the shadow to control.
    pub events: VecDeque<shadow::Event>,
    /// From control to the shadow.
    pub commands: VecDeque<shadow::Command>,
    /// From the stager to control.
    pub outcomes: VecDeque<stager::Outcome>,
    /// From control to the stager.
    pub jobs: VecDeque<stager::Job>,
    /// What the stager does.
    pub building: Option<Building>,
    /// Root.
    pub root: Root,
    /// The shadow, shared with states that differ elsewhere.
    pub shadow: Arc<Shadow>,
    /// The pages of the links.
    pub memory: Memory,
    /// The device.
    pub device: Device,
    /// The program of the generation that has the device.
    pub driver: Option<Driver>,
    /// The clients, by session.
    pub clients: Vec<Client>,
    /// Contents that no block has any more, by what was answered: a bit for each.
    pub overwritten: u16,
    /// What the adversary may still do.
    pub left: Bounds,
    /// Something happened for which the device may go offline at once: it was not reset, or somebody was taken for dead.
    pub grave: bool,
    /// The shadow dies in its next wake-up, after so many changes of memory.
    pub fate: Option<usize>,
    /// How many changes its last wake-up made.
    pub shadow_changes: usize,
    /// The first rule that was broken.
    pub broken: Option<Violation>,
    /// Steps so far: with it no state comes twice in one run, so that a search that ends proves that every run does.
    pub steps: u32,
}

impl State {
    /// Nothing has happened yet, not even control's start.
    pub fn new(bounds: Bounds) -> Self {
        let mut memory = Memory::default();
        let shadow = Arc::new(Shadow::first(&mut memory, bounds.sessions));
        Self {
            machine: None,
            saved: SlotState::default(),
            records: Records::default(),
            ledger: Ledger::default(),
            crash: None,
            events: VecDeque::new(),
            commands: VecDeque::new(),
            outcomes: VecDeque::new(),
            jobs: VecDeque::new(),
            building: None,
            root: Root::default(),
            shadow,
            memory,
            device: Device::default(),
            driver: None,
            clients: (0..)
                .zip(bounds.sessions)
                .map(|(index, asking)| Client::new(index, asking))
                .collect(),
            overwritten: 0,
            left: bounds,
            grave: false,
            fate: None,
            shadow_changes: 0,
            broken: None,
            steps: 0,
        }
    }

    /// Notes a broken rule.
    pub fn violate(&mut self, violation: Violation) {
        self.broken.get_or_insert(violation);
    }

    /// The shadow was notified on a channel.
    pub fn shadow_wakes(&mut self, channel: u64) {
        self.shadow_notified(1 << channel);
    }

    /// The shadow was notified on these channels, a bit each: it outranks who did it, so it runs at once. If it is to die, a
    /// successor goes on. Who sees that it is awake does not notify it.
    pub fn shadow_notified(&mut self, channels: u64) {
        if channels != 0 {
            self.shadow_runs(false, channels);
        }
    }

    /// The shadow takes control's commands.
    pub fn shadow_obeys(&mut self) {
        self.shadow_runs(true, 0);
    }

    fn shadow_runs(&mut self, obeys: bool, channels: u64) {
        let mut commands = match obeys {
            true => std::mem::take(&mut self.commands),
            false => VecDeque::new(),
        };
        let fate = std::mem::take(&mut self.fate);
        self.memory.limit(fate);
        let before = self.memory.changes();
        let shadow = Arc::make_mut(&mut self.shadow);
        let (obeyed, events) = shadow.wake(&mut self.memory, &commands, channels, fate.is_some());
        self.shadow_changes = self.memory.changes() - before;
        self.events.extend(events);
        commands.drain(..obeyed);
        if obeys {
            self.commands = commands;
        }
        if fate.is_some() {
            // Everybody was notified, and the successor looks at everything.
            self.shadow_runs(true, u64::MAX);
        }
        self.clients_take();
    }

    /// What the shadow waits for did not come in time.
    pub fn shadow_times_out(&mut self) {
        Arc::make_mut(&mut self.shadow).time_passes();
        self.shadow_runs(false, 0);
    }

    /// The stager takes a job.
    pub fn stager_takes(&mut self, damaged: bool) {
        let Some(job) = self.jobs.pop_front() else { return };
        let side = supervision::Side::from_word(job.side.into()).unwrap_or(supervision::Side::A);
        let begun = match damaged {
            true => Err((stager::Refusal::Damaged, 0)),
            false => self.build_begin(side).map_err(|code| match code {
                supervision::Code::NoMemory => (stager::Refusal::NoMemory, code as u32),
                _ => (stager::Refusal::Root, code as u32),
            }),
        };
        match begun {
            Ok(generation) => {
                if self.left.bad {
                    self.root.packages.push(job.package);
                }
                self.building = Some(Building { job, generation });
            }
            Err((refusal, detail)) => self.outcomes.push_back(stager::Outcome {
                id: job.id,
                refusal: refusal as u32,
                detail,
                ..stager::Outcome::default()
            }),
        }
    }

    /// The stager dies. Its successor gives back what it finds half built, and takes the job once more.
    pub fn stager_dies(&mut self) {
        if let Some(building) = self.building.take() {
            while self.discard(building.generation) == Err(supervision::Code::Again) {}
            self.jobs.push_front(building.job);
        }
    }

    /// The stager finishes what it builds.
    pub fn stager_finishes(&mut self) {
        let Some(building) = self.building.take() else {
            return;
        };
        let built = self.build_finish(building.generation);
        self.outcomes.push_back(stager::Outcome {
            id: building.job.id,
            refusal: if built.is_ok() {
                0
            } else {
                stager::Refusal::Root as u32
            },
            generation: building.generation,
            detail: 0,
        });
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            machine,
            saved,
            records,
            ledger,
            crash,
            events,
            commands,
            outcomes,
            jobs,
            building,
            root,
            shadow,
            memory,
            device,
            driver,
            clients,
            overwritten,
            left,
            grave,
            fate: _,
            shadow_changes: _,
            broken,
            steps,
        } = self;
        (records, ledger, crash).hash(state);
        (machine, saved, events, commands, outcomes, jobs, building).hash(state);
        (root, shadow, device, driver, clients, overwritten).hash(state);
        memory.hash_with(left.troubles > 0 && left.kinds.shadow, state);
        (left, grave, broken).hash(state);
        if left.count_steps {
            steps.hash(state);
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let digest = |state: &Self| {
            let mut hasher = std::hash::DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        };
        digest(self) == digest(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("step", &self.machine.as_ref().map(Machine::step))
            .field("condition", &self.machine.as_ref().map(Machine::condition))
            .field("holder", &self.machine.as_ref().and_then(Machine::holder))
            .field("shadow", &(self.shadow.mode(), self.shadow.generation()))
            .field("root", &self.root)
            .field("device", &self.device)
            .field("driver", &self.driver)
            .field(
                "clients",
                &self
                    .clients
                    .iter()
                    .map(|client| (client.sent, client.answers))
                    .collect::<Vec<_>>(),
            )
            .field("events", &self.events)
            .field("commands", &self.commands)
            .field("broken", &self.broken)
            .finish()
    }
}
