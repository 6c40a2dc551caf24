//! How an update may end, by who died and when: what the crash campaign in QEMU (`tests/boot`) compares its machines with.
//!
//! Everything that can happen within an update and one death is searched, as in [`crate::model`]; what is kept of a run is which
//! death it had, and how it ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use control::effect::PUBLISH;
use control_protocol::Record;
use control_protocol::record::{Kind, Outcome, State as RecordState};
use supervision::shadow::Policy;

use crate::bounds::{Bounds, IDLE, Kinds};
use crate::control::{Effect, Fault, Input, Wake, Wish};
use crate::device::Misdeed;
use crate::end::complaint;
use crate::model::System;
use crate::state::State;
use crate::step::{Step, expected, faults, troubles};

/// A death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Crash {
    /// Control's, between two instants (`control::effect`): it was at both.
    Control {
        /// Behind this effect, or the publishing of the wake-up before.
        after: u32,
        /// Before this one, or the publishing.
        before: u32,
    },
    /// That of the driver that has the device.
    Driver,
    /// The stager's.
    Stager,
    /// The shadow's.
    Shadow,
}

/// A record's outcome, without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// What was ordered is so.
    Done,
    /// Nothing was touched.
    Refused,
    /// Undone.
    RolledBack,
    /// The last good version was put in.
    LastGood,
    /// No driver runs.
    Offline,
}

impl From<&Outcome> for Ended {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Refused(_) => Self::Refused,
            Outcome::RolledBack(_) => Self::RolledBack,
            Outcome::LastGood(_) => Self::LastGood,
            Outcome::Offline(_) => Self::Offline,
        }
    }
}

/// How a record ended, if it did.
pub fn ended(record: &Record) -> Option<Ended> {
    match &record.state {
        RecordState::Done(outcome) => Some(outcome.into()),
        _ => None,
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ending {
    /// The new version serves.
    pub new_serves: bool,
    /// What the update's record says.
    pub update: Option<Ended>,
    /// What the records say that came after it.
    pub later: Vec<(String, Option<Ended>)>,
    /// Generations that have memory.
    pub generations: usize,
}

impl Ending {
    /// From records of a device, of which the newest update is the one that counts.
    pub fn of<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        new_serves: bool,
        generations: usize,
    ) -> Self {
        let records: Vec<&Record> = records.into_iter().collect();
        let update = records.iter().rposition(|record| record.kind == Kind::Update);
        let later = records.iter().skip(update.map_or(0, |update| update + 1));
        Self {
            new_serves,
            update: update.and_then(|update| ended(records[update])),
            later: later
                .map(|record| (format!("{:?}", record.kind), ended(record)))
                .collect(),
            generations,
        }
    }
}

/// All endings, by death; `None`: nobody died.
#[derive(Clone, Debug, Default)]
pub struct Endings(BTreeMap<Option<Crash>, BTreeSet<Ending>>);

impl Endings {
    /// Of an update to a driver that works, or (`bad`) to one that faults in its probe.
    pub fn search(bad: bool) -> Self {
        let bounds = Bounds {
            orders: 1,
            troubles: 1,
            kinds: Kinds {
                bus: false,
                time: false,
                ..Kinds::ALL
            },
            sessions: IDLE,
            bad,
            named: true,
            count_steps: false,
        };
        let mut endings = Self::default();
        let (mut seen, mut left) = (HashSet::new(), vec![System { bounds }.booted()]);
        while let Some(state) = left.pop() {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                endings.note(&state);
                left.extend(successors(&state));
            }
        }
        endings
    }

    fn note(&mut self, state: &State) {
        if !expected(state).is_empty() || !ordered(state) {
            return;
        }
        assert_eq!((state.broken, complaint(state)), (None, None), "{state:?}");
        let package = state.machine.as_ref().and_then(|machine| machine.holder());
        let ending = Ending::of(
            state.records.all(),
            package.is_some_and(|holder| holder.package == 1),
            state.root.generations.alive(),
        );
        self.0.entry(state.crash).or_default().insert(ending);
    }

    fn those(&self, of: impl Fn(&Option<Crash>) -> bool) -> BTreeSet<&Ending> {
        let chosen = self.0.iter().filter(|(crash, _)| of(crash));
        chosen.flat_map(|(_, endings)| endings).collect()
    }

    /// Nobody died, or somebody whose death nobody may notice.
    pub fn undisturbed(&self) -> BTreeSet<&Ending> {
        self.those(Option::is_none)
    }

    /// All deaths that there are.
    pub fn crashes(&self) -> impl Iterator<Item = Crash> {
        self.0.keys().flatten().copied()
    }

    /// This one died: control between these two effects, others whenever.
    pub fn of(&self, died: Crash) -> BTreeSet<&Ending> {
        self.those(|crash| *crash == Some(died))
    }
}

/// The order is known.
fn ordered(state: &State) -> bool {
    state.machine.is_some() && state.records.all().any(|record| record.kind == Kind::Update)
}

/// The operator asks until he has an answer.
const ORDER: Wake = Wake {
    input: Input::Operator(Wish::Update {
        policy: Policy::Refuse,
        manual: false,
    }),
    fault: None,
};

fn successors(state: &State) -> Vec<State> {
    let (steps, crashes) = if state.machine.is_some() && !ordered(state) {
        let faults = faults(state, ORDER).into_iter().map(Step::Control);
        (vec![Step::Control(ORDER)], faults.collect())
    } else {
        let steps = expected(state);
        let crashes = troubles(state, &steps);
        (steps, crashes)
    };
    let mut next: Vec<State> = steps
        .into_iter()
        .map(|step| {
            let mut next = state.clone();
            next.take(step);
            next
        })
        .collect();
    if state.left.troubles > 0 {
        next.extend(crashes.into_iter().filter_map(|step| {
            let mut next = state.clone();
            next.crash = Some(name(state, step)?);
            next.left.troubles = 0;
            next.take(step);
            Some(next)
        }));
    }
    next
}

/// What a trouble is called; `None`: no death.
fn name(state: &State, step: Step) -> Option<Crash> {
    Some(match step {
        Step::Control(Wake {
            input,
            fault: Some((at, Fault::ControlDies)),
        }) => {
            let effects = state.clone().control_wakes(Wake { input, fault: None });
            let number = |at: usize| effects.get(at).map(Effect::number);
            Crash::Control {
                after: at.checked_sub(1).and_then(number).unwrap_or(PUBLISH) + 1,
                before: number(at).unwrap_or(PUBLISH),
            }
        }
        Step::DriverErrs(Misdeed::Fault) => Crash::Driver,
        Step::StagerDies => Crash::Stager,
        Step::ShadowDies(..) => Crash::Shadow,
        _ => return None,
    })
}
