//! Control: the code's own machine, in a world that is the rest of the state.
//!
//! A wake-up of control is one step, because control outranks everybody who could notice; it can be cut short by a
//! fault before any of its effects. Calls and the saved state are effects at once; commands and jobs lie in links
//! and are seen when they are published, at the end. A successor finds what its predecessor had taken from a link but not
//! published as taken, and takes it again.

use std::cell::RefCell;

use control::clock::{Clock, Limits};
use control::history::History;
use control::state::SlotState;
use control::store::Store;
use control::transaction::{Env, Machine, Order, cause};
use control::{Call, Consumed, World, effect};
use control_protocol::record::Kind;
use supervision::root::Part;
use supervision::{Code, root, shadow, stager};

use crate::SLOT;
use crate::records::{Bytes, records};
use crate::state::State;
use crate::still::Still;

/// Packages in the store.
pub const PACKAGES: u8 = 2;

/// What control is woken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It was started.
    Started,
    /// The oldest message of the shadow.
    Shadow,
    /// The oldest message of the stager.
    Stager,
    /// The oldest event of root.
    Root,
    /// All of these together: nothing is published before the last of them.
    Everything,
    /// Its deadline.
    Time,
    /// The operator.
    Operator(Wish),
}

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The other version.
    Update {
        /// What a lost capability means.
        policy: shadow::Policy,
        /// Not final before he says so.
        manual: bool,
    },
    /// The other version staged and held.
    Stage,
    /// The other version staged and given back.
    Check,
    /// The update on probation made final.
    Commit,
    /// What is staged, or on probation, given up.
    Discard,
    /// The version before.
    Rollback,
    /// A fault of the driver.
    Kill,
}

/// What control does to the world, as far as it can be interrupted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The state is saved, in this step.
    Save(u32),
    /// A record is written.
    Keep,
    /// A command, seen when it is published.
    Command(shadow::Command),
    /// A job, seen when it is published.
    Job,
    /// A call.
    Call(Call),
}

impl Effect {
    /// The instant before it (`control::effect`).
    pub fn number(&self) -> u32 {
        match self {
            Self::Save(step) => effect::of_save(*step),
            Self::Keep => effect::KEEP,
            Self::Command(command) => effect::of_command(command),
            Self::Job => effect::JOB,
            Self::Call(call) => effect::of_call(call),
        }
    }
}

/// What happens to an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Control dies before it.
    ControlDies,
    /// The call is refused.
    Refused,
    /// Bus dies for good when the device is reset, before it told root.
    BusDies,
}

/// One wake-up, with a fault at one of its effects (counted from 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// Woken by.
    pub input: Input,
    /// What goes wrong, and where.
    pub fault: Option<(usize, Fault)>,
}

thread_local! {
    static STORE: RefCell<Store> = RefCell::new(Store::new(&mut Still(&Bytes::new()), usize::from(PACKAGES), 64, &[8; PACKAGES as usize]));
}

impl State {
    /// Control runs once. Answers its effects.
    pub fn control_wakes(&mut self, wake: Wake) -> Vec<Effect> {
        let links = (
            self.events.clone(),
            self.outcomes.clone(),
            self.root.events.clone(),
        );
        let mut machine = match (wake.input, self.machine.take()) {
            (Input::Started, _) => Machine::new(0, SLOT),
            (_, Some(machine)) => machine,
            (_, None) => return Vec::new(),
        };
        let messages = self.taken_by(wake.input);
        let mut history = match wake.input {
            Input::Started if self.saved.step != 0 => self.ledger.restore(),
            Input::Started => History::default(),
            _ => self.records.take(),
        };
        let mut outside = Outside {
            state: self,
            fault: wake.fault,
            effects: Vec::new(),
            dead: false,
            commands: Vec::new(),
            jobs: Vec::new(),
        };
        act(&mut machine, &mut outside, &mut history, wake.input, &messages);
        history.flush(&mut outside);
        // Between the last effect and the publishing.
        let _ = outside.goes_wrong();
        let Outside {
            dead,
            commands,
            jobs,
            effects,
            ..
        } = outside;
        if dead {
            let from_root;
            (self.events, self.outcomes, from_root) = links;
            // With what a call of the dead made root say.
            let since = self
                .root
                .events
                .drain(..)
                .filter(|event| !from_root.contains(event));
            self.root.events = from_root
                .iter()
                .copied()
                .chain(since.collect::<Vec<_>>())
                .collect();
        } else {
            self.machine = Some(machine);
            self.records = records(history);
            self.commands.extend(commands);
            self.jobs.extend(jobs);
        }
        effects
    }

    /// The messages of a wake-up, in the order in which control looks at its peers.
    fn taken_by(&mut self, input: Input) -> Vec<Message> {
        let mut taken = Vec::new();
        match input {
            Input::Root => taken.extend(self.root.events.pop_front().map(Message::Root)),
            Input::Shadow => taken.extend(self.events.pop_front().map(Message::Shadow)),
            Input::Stager => taken.extend(self.outcomes.pop_front().map(Message::Stager)),
            Input::Everything => {
                taken.extend(self.root.events.drain(..).map(Message::Root));
                taken.extend(self.events.drain(..).map(Message::Shadow));
                taken.extend(self.outcomes.drain(..).map(Message::Stager));
            }
            Input::Started | Input::Time | Input::Operator(_) => {}
        }
        taken
    }
}

/// What came.
enum Message {
    Root(root::Event),
    Shadow(shadow::Event),
    Stager(stager::Outcome),
}

impl Message {
    fn tell(&self, machine: &mut Machine, env: &mut Env<'_, Outside<'_>>) {
        match self {
            Self::Root(event) => machine.died(env, event.generation, cause(event)),
            Self::Shadow(event) => machine.shadow_event(env, event),
            Self::Stager(outcome) => machine.built(env, outcome),
        }
    }
}

fn act(
    machine: &mut Machine,
    outside: &mut Outside<'_>,
    history: &mut History,
    input: Input,
    messages: &[Message],
) {
    let saved = outside.state.saved;
    STORE.with_borrow_mut(|store| {
        let limits = Limits {
            hurry_us: 0,
            stage_us: 0,
            drain_us: 0,
            leave_us: 0,
            shadow_us: 0,
            probe_us: 0,
            enable_us: 0,
            probation_us: 0,
            reap_us: 0,
            reap_idle_us: 0,
            patience_us: 0,
            failure_window_us: 0,
            back_off_us: 1,
        };
        let mut env = Env {
            world: outside,
            store,
            history,
            clock: Clock::new(1),
            limits: &limits,
        };
        match input {
            Input::Started => {
                let resumed = saved.step != 0 && machine.resume(&mut env, &saved);
                if !resumed {
                    order(machine, &mut env, Kind::Boot, 0, (shadow::Policy::First, false));
                }
            }
            Input::Root | Input::Shadow | Input::Stager | Input::Everything => {
                messages
                    .iter()
                    .for_each(|message| message.tell(machine, &mut env));
            }
            Input::Time => machine.tick(&mut env),
            Input::Operator(wish) => obey(machine, &mut env, wish),
        }
    });
}

fn order(
    machine: &mut Machine,
    env: &mut Env<'_, Outside<'_>>,
    kind: Kind,
    package: u8,
    (policy, manual): (shadow::Policy, bool),
) {
    if machine.busy().is_some() {
        return;
    }
    let from = machine.package().and_then(|package| env.store.label(package));
    let to = env.store.label(package);
    let record = env.history.open(0, kind, from, to, None);
    env.history.flush(env.world);
    let order = Order {
        record,
        kind,
        package,
        policy,
        manual,
        drain_us: None,
    };
    let _ = machine.accept(env, order);
}

/// The operator's wish, unless it is refused at the door (`control::operator`).
fn obey(machine: &mut Machine, env: &mut Env<'_, Outside<'_>>, wish: Wish) {
    use shadow::Policy::{Degrade, Refuse};
    let other = machine.package().map_or(0, |running| (running + 1) % PACKAGES);
    let probation = machine.probation();
    let settled = !probation.is_some_and(|probation| probation.manual);
    match (wish, machine.previous()) {
        (Wish::Update { policy, manual }, _) if settled => {
            order(machine, env, Kind::Update, other, (policy, manual));
        }
        (Wish::Rollback, Some(previous)) if settled => {
            order(machine, env, Kind::Rollback, previous, (Degrade, false));
        }
        (Wish::Stage, _) if probation.is_none() && machine.serves() => {
            order(machine, env, Kind::Stage, other, (Refuse, false));
        }
        (Wish::Check, _) if probation.is_none() => order(machine, env, Kind::Check, other, (Refuse, false)),
        (Wish::Commit, _) => drop(machine.confirm(env)),
        (Wish::Discard, _) => drop(machine.discard(env)),
        (Wish::Kill, _) => drop(machine.kill(env)),
        _ => {}
    }
}

/// The world outside control.
struct Outside<'a> {
    state: &'a mut State,
    fault: Option<(usize, Fault)>,
    effects: Vec<Effect>,
    dead: bool,
    commands: Vec<shadow::Command>,
    jobs: Vec<stager::Job>,
}

impl Outside<'_> {
    /// What goes wrong with the effect that comes next.
    fn goes_wrong(&mut self) -> Option<Fault> {
        let fault = self
            .fault
            .filter(|(at, _)| *at == self.effects.len())
            .map(|(_, fault)| fault);
        self.dead |= fault == Some(Fault::ControlDies);
        fault
    }

    /// An effect other than a call. False: control died before it.
    fn goes_on(&mut self, effect: Effect) -> bool {
        let _ = self.goes_wrong();
        if !self.dead {
            self.effects.push(effect);
        }
        !self.dead
    }

    fn reset(&mut self) -> Result<(), Code> {
        self.state.device.reset();
        self.state.device_reset()
    }
}

impl World for Outside<'_> {
    fn now(&mut self) -> u64 {
        0
    }

    fn call(&mut self, _: u32, call: Call) -> Code {
        let fault = self.goes_wrong();
        if self.dead {
            return Code::Denied;
        }
        self.effects.push(Effect::Call(call));
        let result = match (call, fault) {
            (Call::Reset, Some(Fault::Refused)) => Err(Code::DeviceFailed),
            (Call::Reset, Some(Fault::BusDies)) => {
                self.state.device.reset();
                Err(Code::Denied)
            }
            (Call::Start(generation), Some(_)) => self.state.start_fails(generation),
            (_, Some(_)) => Err(Code::WrongState),
            (Call::Start(generation), None) => self.state.start(generation),
            (Call::Cut(generation), None) => self.state.cut(generation),
            (Call::Discard(generation), None) => self.state.discard(generation),
            (Call::Kill, None) => self.state.stop(root::EventKind::Killed),
            (Call::Reset, None) => self.reset(),
            (Call::Renew(Part::Stager), None) => {
                self.state.stager_dies();
                Ok(())
            }
            // It dies between two wake-ups, and its successor finds everything done.
            (Call::Renew(Part::Shadow | Part::Guard), None) => Ok(()),
            // The model has no priorities.
            (Call::Hurry(_), None) => Ok(()),
            // The model's device is never taken out.
            (Call::Release, None) => Err(Code::WrongState),
        };
        result.err().unwrap_or(Code::Ok)
    }

    fn domain(&mut self, _: u32) -> Option<root::DomainState> {
        None
    }
    fn consumed(&mut self, _: u32) -> Option<Consumed> {
        None
    }

    fn slot_state(&mut self, _: u32) -> Option<root::SlotState> {
        let generations = &self.state.root.generations;
        let at = |place| generations.at(place).map_or(0, |one| one.number);
        Some(root::SlotState {
            running: generations.running(),
            building: generations.building().map_or(0, at),
            places: core::array::from_fn(at),
        })
    }

    fn command(&mut self, command: shadow::Command) {
        if self.goes_on(Effect::Command(command)) {
            self.commands.push(command);
        }
    }

    fn job(&mut self, job: stager::Job) {
        if self.goes_on(Effect::Job) {
            self.jobs.push(job);
        }
    }

    fn trace(&mut self, _: trace::Event) {}

    fn save(&mut self, _: usize, state: &SlotState) {
        if self.goes_on(Effect::Save(state.step)) {
            self.state.saved = *state;
        }
    }

    fn keep(&mut self, offset: usize, bytes: &[u8]) {
        if self.goes_on(Effect::Keep) {
            self.state.ledger = self.state.ledger.with(offset, bytes);
        }
    }
    fn kept(&mut self, _: usize, _: &mut [u8]) {}
    fn write_package(&mut self, _: usize, _: usize, _: &[u8]) {}
    fn read_package(&mut self, _: usize, _: usize, _: &mut [u8]) {}
    fn read_trace(&mut self, _: usize, _: u64, _: &mut [u8]) -> Option<(usize, u64, u64)> {
        None
    }
    fn report_len(&mut self, _: usize) -> u32 {
        0
    }
    fn read_report(&mut self, _: usize, _: usize, _: &mut [u8]) {}
    fn ask_to_stop(&mut self, _: usize) {}
}
