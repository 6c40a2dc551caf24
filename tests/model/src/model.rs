//! The system under an adversary, as the checker sees it.

use control::transaction::Machine;
use control_protocol::reply::Condition;
use stateright::{Model, Property};

use crate::bounds::Bounds;
use crate::control::{Input, Wake, Wish};
use crate::end::complaint;
use crate::state::{State, Violation};
use crate::step::{Step, expected, faults, is_grave, orders, troubles, wake};

/// The system, with bounds for what happens to it.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// What may happen.
    pub bounds: Bounds,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// What comes by itself.
    Step(Step),
    /// What need not come: the adversary's doing.
    Trouble(Step),
    /// The operator orders something.
    Order(Wish),
}

impl System {
    /// The first driver serves and is committed; the clients have sent nothing.
    pub fn booted(&self) -> State {
        let mut state = State::new(Bounds {
            orders: 0,
            troubles: 0,
            ..self.bounds
        });
        while let Some(step) = expected(&state).first() {
            state.take(*step);
        }
        assert_eq!(complaint(&state), None, "after boot: {state:?}");
        for (client, asking) in state.clients.iter_mut().zip(self.bounds.sessions) {
            client.script = asking.script;
        }
        state.left = self.bounds;
        state
    }
}

/// So many failures of drivers take a device offline (`control::recovery`).
const FAILURES: u8 = control::recovery::TOO_MANY as u8;

fn machine_is(state: &State, what: impl Fn(&Machine) -> bool) -> bool {
    state.machine.as_ref().is_some_and(what)
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.booted()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // Behind a broken rule there is nothing to be seen.
        if state.broken.is_some() {
            return;
        }
        let expected = expected(state);
        if state.left.troubles > 0 {
            actions.extend(troubles(state, &expected).into_iter().map(Action::Trouble));
        }
        if state.left.orders > 0 && state.machine.is_some() {
            actions.extend(orders().map(Action::Order));
            if state.left.troubles > 0 {
                let wakes = orders().map(|wish| Wake {
                    input: Input::Operator(wish),
                    fault: None,
                });
                let faults = wakes.into_iter().flat_map(|wake| faults(state, wake));
                actions.extend(faults.map(|wake| Action::Trouble(Step::Control(wake))));
            }
        }
        actions.extend(expected.into_iter().map(Action::Step));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.steps += 1;
        match action {
            Action::Step(step) => next.take(step),
            Action::Trouble(step) => {
                next.left.troubles -= 1;
                if let Step::Control(Wake {
                    input: Input::Operator(_),
                    ..
                }) = step
                {
                    next.left.orders -= 1;
                }
                next.grave |= is_grave(step);
                next.take(step);
            }
            Action::Order(wish) => {
                next.left.orders -= 1;
                next.take(wake(Input::Operator(wish)));
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let never = |name, condition| Property::<Self>::always(name, condition);
        let mut properties = vec![
            never("never two owners", |_, state| {
                state.broken != Some(Violation::TwoOwners)
            }),
            never("no memory reused before the reset", |_, state| {
                state.broken != Some(Violation::MemoryReused)
            }),
            never("no acknowledged write lost", |_, state| {
                state.broken != Some(Violation::LostWrite)
            }),
            never("no stale replay", |_, state| {
                state.broken != Some(Violation::StaleReplay)
            }),
            never("overlapping requests in order", |_, state| {
                state.broken != Some(Violation::Disorder)
            }),
            never("every request answered once", |_, state| {
                state.broken != Some(Violation::AnsweredTwice)
            }),
            never("nothing answered that was not done", |_, state| {
                state.broken != Some(Violation::NotDone)
            }),
            never("no error while the device works", |_, state| {
                state.broken != Some(Violation::ClientError)
            }),
            never("ends with one live driver, or offline", |_, state| {
                complaint(state).is_none()
            }),
            never("offline only for a good reason", |model, state| {
                let troubles = model.bounds.troubles - state.left.troubles;
                let offline = |machine: &Machine| matches!(machine.condition(), Condition::Offline(_));
                state.grave || troubles >= FAILURES || !machine_is(state, offline)
            }),
        ];
        // That the search goes where it should; without an order or a trouble it cannot.
        if self.bounds.orders > 0 {
            properties.push(Property::sometimes("an update succeeds", |_, state| {
                machine_is(state, |machine| machine.counts().0 > 0)
            }));
        }
        // The first request has a deadline set for it, and its answer is measured.
        let requests = self.bounds.sessions.iter().map(|asking| asking.script.len());
        if requests.sum::<usize>() > 1 {
            let short = |_: &Self, state: &State| state.shadow.was_short();
            properties.push(Property::sometimes("a single entry goes the short way", short));
        }
        if self.bounds.orders > 0 || self.bounds.troubles > 0 {
            properties.push(Property::sometimes(
                "a driver is lost and replaced",
                |_, state| {
                    machine_is(state, |machine| {
                        machine.counts().1 > 0 && machine.condition() == Condition::Working
                    })
                },
            ));
        }
        properties
    }
}
