//! How a run may end.

use control::transaction::Machine;
use control_protocol::reply::Condition;
use control_protocol::{Record, record};
use root::generation::{PLACES, Phase};
use shadow::slot::Mode;

use crate::client::Client;
use crate::device::Driver;
use crate::endings::ended;
use crate::state::State;
use crate::step::{expected, prompt};

/// What is wrong with a state in which nothing happens any more by itself. Whatever was done to it before: one driver
/// serves, or the device is offline and everybody says so; every request is answered; no memory is kept but what the
/// device may still write to. And nothing waits for a deadline that has no need to.
pub fn complaint(state: &State) -> Option<&'static str> {
    if waits_for_a_deadline(state) {
        return Some("a request waits for a deadline");
    }
    if !expected(state).is_empty() {
        return None;
    }
    let Some(machine) = &state.machine else {
        return Some("control is dead");
    };
    if machine.busy().is_some() || machine.deadline().is_some() {
        return Some("the transaction does not end");
    }
    if !state.clients.iter().all(Client::is_answered) {
        return Some("a request has no answer");
    }
    let open = |record: &Record| !matches!(record.state, record::State::Done(_));
    if state.records.all().any(open) {
        return Some("a record says nothing");
    }
    // Figures apart, which equal histories share (`crate::records`).
    let told = |record: &Record| (record.id, record.kind, ended(record));
    if !state
        .records
        .all()
        .map(told)
        .eq(state.ledger.restore().records().map(told))
    {
        return Some("a record would not outlive control");
    }
    let wrong = match machine.condition() {
        Condition::Working | Condition::Probation => working(state, machine),
        Condition::Offline(_) => offline(state),
        _ => return Some("neither working nor offline"),
    };
    wrong.into_iter().find(|(wrong, _)| *wrong).map(|(_, text)| text)
}

/// Nobody does anything before some deadline, a driver serves, and still a request is under way: somebody was not told of it. The
/// deadline would mend it, so nothing else shows it.
fn waits_for_a_deadline(state: &State) -> bool {
    state.shadow.mode() == Mode::Passive
        && state.driver.as_ref().is_some_and(Driver::acts)
        && !state.clients.iter().all(Client::is_answered)
        && prompt(state).is_empty()
}

type Checks = [(bool, &'static str); 3];

fn working(state: &State, machine: &Machine) -> Checks {
    let holder = machine.holder().map_or(0, |holder| holder.generation);
    let forwards = state.shadow.mode() == Mode::Passive && state.shadow.generation() == holder;
    let generations = &state.root.generations;
    // A probation that ends by itself would have ended.
    let manual = machine.probation().is_some_and(|probation| probation.manual);
    let needed = 1 + usize::from(machine.held().is_some()) + usize::from(manual);
    [
        (
            generations.running() != holder,
            "it works, but that driver does not run",
        ),
        (!forwards, "it works, but the shadow does not forward to it"),
        (generations.alive() != needed, "it works, but memory is kept"),
    ]
}

fn offline(state: &State) -> Checks {
    let generations = &state.root.generations;
    let phases = (0..PLACES).filter_map(|place| generations.at(place));
    let in_quarantine = phases.filter(|one| one.phase == Phase::Cut { quarantined: true });
    [
        (
            generations.holder().is_some(),
            "offline, and a driver has the device",
        ),
        (
            !matches!(state.shadow.mode(), Mode::Offline { .. }),
            "offline, and the shadow waits",
        ),
        (
            generations.alive() != in_quarantine.count(),
            "offline, and memory is kept",
        ),
    ]
}
