//! Who can do something next.

use control::Call;
use control::transaction::{self, Machine};
use device_class::report::STATE_READY;
use shadow::slot::Mode;
use supervision::shadow::Policy;

use crate::client::Client;
use crate::control::{Effect, Fault, Input, Wake, Wish};
use crate::device::Misdeed;
use crate::disk::{RECORD, SESSIONS_MAX};
use crate::state::State;

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Control runs.
    Control(Wake),
    /// The shadow takes its commands.
    Shadow,
    /// The shadow's deadline comes.
    ShadowTime,
    /// The same, but the shadow dies after so many changes of memory.
    ShadowDies(Waking, usize),
    /// The stager takes a job; perhaps it finds the package damaged.
    StagerTakes {
        /// It does.
        damaged: bool,
    },
    /// The stager finishes a generation.
    StagerFinishes,
    /// The stager dies and is started again.
    StagerDies,
    /// The driver probes and reports.
    DriverProbes,
    /// The driver takes requests.
    DriverTakes,
    /// The driver answers requests.
    DriverAnswers,
    /// The driver errs.
    DriverErrs(Misdeed),
    /// The device does one of the things it was told.
    Device(usize),
    /// A client sends its next request.
    Client(usize),
    /// All clients send all that is left, before the shadow runs.
    Clients,
}

/// What wakes the shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waking {
    /// Control.
    Commands,
    /// Its deadline.
    Time,
    /// The driver, by its report.
    Report,
    /// The driver, by its answers.
    Answers,
    /// A client.
    Client(usize),
    /// All clients together.
    Clients,
}

impl Waking {
    const ALL: [Self; 5 + SESSIONS_MAX] = [
        Self::Commands,
        Self::Time,
        Self::Report,
        Self::Answers,
        Self::Client(0),
        Self::Client(1),
        Self::Clients,
    ];

    fn step(self) -> Step {
        match self {
            Self::Commands => Step::Shadow,
            Self::Time => Step::ShadowTime,
            Self::Report => Step::DriverProbes,
            Self::Answers => Step::DriverAnswers,
            Self::Client(which) => Step::Client(which),
            Self::Clients => Step::Clients,
        }
    }
}

impl State {
    /// Carries out a step.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Control(wake) => drop(self.control_wakes(wake)),
            Step::Shadow => self.shadow_obeys(),
            Step::ShadowTime => self.shadow_times_out(),
            Step::ShadowDies(waking, after) => {
                self.fate = Some(after);
                self.take(waking.step());
            }
            Step::StagerTakes { damaged } => self.stager_takes(damaged),
            Step::StagerFinishes => self.stager_finishes(),
            Step::StagerDies => self.stager_dies(),
            Step::DriverProbes => self.driver_probes(STATE_READY, &RECORD),
            Step::DriverTakes => self.driver_takes(),
            Step::DriverAnswers => self.driver_answers(),
            Step::DriverErrs(misdeed) => self.driver_errs(misdeed),
            Step::Device(which) => self.device_acts(which),
            Step::Client(which) => self.client_sends(which),
            Step::Clients => self.clients_send(),
        }
    }
}

/// Control runs, and nothing goes wrong.
pub fn wake(input: Input) -> Step {
    Step::Control(Wake { input, fault: None })
}

/// The machine waits for a time that is meant to come.
fn rests(machine: &Machine) -> bool {
    matches!(
        machine.step(),
        transaction::Step::Idle | transaction::Step::Reap(_) | transaction::Step::BackOff(_)
    )
}

/// Steps that come by themselves, without anybody being late.
pub fn prompt(state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |possible: bool, step: Step| {
        if possible {
            steps.push(step);
        }
    };
    let waiting = [state.events.len(), state.outcomes.len(), state.root.events.len()];
    match &state.machine {
        None => add(true, wake(Input::Started)),
        Some(machine) => {
            add(waiting[0] > 0, wake(Input::Shadow));
            add(waiting[1] > 0, wake(Input::Stager));
            add(waiting[2] > 0, wake(Input::Root));
            add(waiting.iter().sum::<usize>() > 1, wake(Input::Everything));
            add(machine.deadline().is_some() && rests(machine), wake(Input::Time));
        }
    }
    add(!state.commands.is_empty(), Step::Shadow);
    let draining = matches!(state.shadow.mode(), Mode::Draining { .. });
    add(draining, Step::ShadowTime);
    let idle = state.building.is_none();
    add(
        idle && !state.jobs.is_empty(),
        Step::StagerTakes { damaged: false },
    );
    add(!idle, Step::StagerFinishes);
    if let Some(driver) = &state.driver {
        let made_of = state.root.packages.get(driver.generation() as usize - 1);
        let probe = match made_of {
            Some(1) => Step::DriverErrs(Misdeed::Fault),
            _ => Step::DriverProbes,
        };
        add(driver.wants_to_probe(), probe);
        add(driver.has_requests(&state.memory), Step::DriverTakes);
        add(driver.wants_to_answer(), Step::DriverAnswers);
    }
    (0..state.device.told.len()).for_each(|which| add(true, Step::Device(which)));
    for (which, client) in state.clients.iter().enumerate() {
        add(client.wants(), Step::Client(which));
    }
    let left = |client: &Client| client.script.len() - client.sent;
    add(state.clients.iter().map(left).sum::<usize>() > 1, Step::Clients);
    steps
}

/// Deadlines of what should have come before.
fn late(state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    let waits = |machine: &Machine| machine.deadline().is_some() && !rests(machine);
    if state.machine.as_ref().is_some_and(waits) {
        steps.push(wake(Input::Time));
    }
    if state.shadow.has_deadline() && !matches!(state.shadow.mode(), Mode::Draining { .. }) {
        steps.push(Step::ShadowTime);
    }
    steps
}

/// What needs no adversary. A deadline of what should have come is reached when nothing else happens any more.
pub fn expected(state: &State) -> Vec<Step> {
    let steps = prompt(state);
    if steps.is_empty() { late(state) } else { steps }
}

/// What the adversary can do, given what is expected.
pub fn troubles(state: &State, expected: &[Step]) -> Vec<Step> {
    let kinds = state.left.kinds;
    let mut steps = Vec::new();
    if kinds.time {
        steps.extend(late(state).into_iter().filter(|step| !expected.contains(step)));
    }
    if kinds.stager && expected.contains(&Step::StagerTakes { damaged: false }) {
        steps.push(Step::StagerTakes { damaged: true });
    }
    if kinds.stager && state.building.is_some() {
        steps.push(Step::StagerDies);
    }
    let wakings = Waking::ALL.into_iter().filter(|_| kinds.shadow);
    for waking in wakings.filter(|waking| expected.contains(&waking.step())) {
        let mut alive = state.clone();
        alive.take(waking.step());
        // After the last change it rests, and its successor finds everything done.
        steps.extend((0..=alive.shadow_changes).map(|after| Step::ShadowDies(waking, after)));
    }
    if kinds.drivers
        && let Some(driver) = state.driver.as_ref().filter(|driver| driver.acts())
    {
        let possible = |misdeed: &Misdeed| match misdeed {
            Misdeed::NoProbe | Misdeed::Lacking => driver.wants_to_probe(),
            Misdeed::Invent | Misdeed::Repeat | Misdeed::Forge => !driver.wants_to_probe(),
            Misdeed::Fault | Misdeed::Hang => true,
        };
        steps.extend(Misdeed::ALL.into_iter().filter(possible).map(Step::DriverErrs));
    }
    for step in expected {
        if let Step::Control(wake) = step {
            steps.extend(faults(state, *wake).into_iter().map(Step::Control));
        }
    }
    steps
}

/// A wake-up with each fault that it can have.
pub fn faults(state: &State, wake: Wake) -> Vec<Wake> {
    let kinds = state.left.kinds;
    if !kinds.control && !kinds.bus {
        return Vec::new();
    }
    let effects = state.clone().control_wakes(wake);
    let mut wakes = Vec::new();
    let mut add = |possible: bool, at: usize, fault: Fault| {
        if possible {
            let fault = Some((at, fault));
            wakes.push(Wake { fault, ..wake });
        }
    };
    for (at, effect) in effects.iter().enumerate() {
        let reset = *effect == Effect::Call(Call::Reset);
        let start = matches!(effect, Effect::Call(Call::Start(_)));
        // Nobody sees a command or a job before it is published: to die before it is to die before the next effect.
        let seen = state.left.named || !matches!(effect, Effect::Command(_) | Effect::Job);
        add(kinds.control && seen, at, Fault::ControlDies);
        add(kinds.bus && (reset || start), at, Fault::Refused);
        add(kinds.bus && reset, at, Fault::BusDies);
    }
    add(kinds.control, effects.len(), Fault::ControlDies);
    wakes
}

/// After this trouble the device may be offline; after any other one driver serves, unless there were too many.
pub fn is_grave(step: Step) -> bool {
    match step {
        Step::ShadowTime => true,
        Step::Control(Wake { input, fault }) => {
            fault.is_some_and(|(_, fault)| fault != Fault::ControlDies)
                || input == Input::Time && fault.is_none()
        }
        _ => false,
    }
}

/// What the operator can order.
pub fn orders() -> [Wish; 8] {
    let update = |policy, manual| Wish::Update { policy, manual };
    [
        update(Policy::Refuse, false),
        update(Policy::Degrade, true),
        Wish::Stage,
        Wish::Check,
        Wish::Commit,
        Wish::Discard,
        Wish::Rollback,
        Wish::Kill,
    ]
}
