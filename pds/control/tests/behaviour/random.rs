//! Random lives: events in any order, orders at any time, faults anywhere. In the end one driver serves, or the device
//! is honestly offline, and the next update works.

use crate::world::{BETTER, COMMIT, DISCARD, DISK, GOOD, System, check, manually, stage};
use control::fake::{Fault, Report};
use control_protocol::Request;
use control_protocol::record::Outcome;
use control_protocol::request::Policy;
use proptest::collection::vec;
use proptest::prelude::*;
use supervision::Code;

const PACKAGES: [&[u8]; 8] = [GOOD, BETTER, b"L", b"P", b"F", b"H", b"C", b"X"];

#[derive(Clone, Debug)]
enum Event {
    /// The oldest message of one sender arrives: root, stager or shadow.
    Arrive(u8),
    /// Time passes until the next deadline.
    Deadline,
    /// A little time passes.
    Time(u16),
    DriverDies,
    Retire,
    Update(prop::sample::Index, u8),
    Rollback,
    Kill,
    /// Stage, check, or update to be committed by hand.
    Beside(prop::sample::Index, u8),
    Commit,
    Discard,
    /// The driver has nothing to do.
    Idle(bool),
    /// Something goes wrong with one of the next interactions.
    Fault(u8, u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => any::<u8>().prop_map(Event::Arrive),
        4 => Just(Event::Deadline),
        2 => any::<u16>().prop_map(Event::Time),
        1 => Just(Event::DriverDies),
        1 => Just(Event::Retire),
        3 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(package, policy)| Event::Update(package, policy)),
        1 => Just(Event::Rollback),
        1 => Just(Event::Kill),
        3 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(package, order)| Event::Beside(package, order)),
        1 => Just(Event::Commit),
        1 => Just(Event::Discard),
        1 => any::<bool>().prop_map(Event::Idle),
        1 => (0..6u8, any::<u8>()).prop_map(|(ahead, fault)| Event::Fault(ahead, fault)),
    ]
}

/// Delivers the oldest report of one of the three senders: each sender's own come in order.
fn arrive(system: &mut System, sender: u8) {
    let sent_by = |report: &Report| match report {
        Report::Shadow(_) => 0,
        Report::Stager(_) => 1,
        Report::Root(_) => 2,
    };
    let found = system
        .world
        .reports
        .iter()
        .position(|report| sent_by(report) == sender % 3);
    if let Some(index) = found {
        system.deliver(index);
    }
}

fn play(system: &mut System, event: Event) {
    match event {
        Event::Arrive(sender) => arrive(system, sender),
        Event::Deadline => {
            if let Some(deadline) = system.control.deadline() {
                system.world.now = system.world.now.max(deadline);
                system.tick();
            }
        }
        Event::Time(ticks) => {
            system.world.now += u64::from(ticks);
            system.tick();
        }
        Event::DriverDies => system.world.driver_dies(0),
        Event::Retire => system.world.retire(0),
        Event::Update(package, policy) => {
            let policy = [Policy::Refuse, Policy::Degrade, Policy::Force][usize::from(policy % 3)];
            let _ = system.begin_update(PACKAGES[package.index(PACKAGES.len())], policy);
        }
        Event::Rollback => drop(system.order(&Request::Rollback { device: DISK }).is_ok()),
        Event::Kill => drop(system.order(&Request::Kill { device: DISK }).is_ok()),
        Event::Beside(package, order) => {
            let order = [stage, check, manually][usize::from(order % 3)];
            let _ = system.order_with(PACKAGES[package.index(PACKAGES.len())], order);
        }
        Event::Commit => drop(system.order(&COMMIT).is_ok()),
        Event::Discard => drop(system.order(&DISCARD).is_ok()),
        Event::Idle(busy) => {
            system.world.busy_permille = if busy { 800 } else { 1 };
            system.world.idle(0, true);
        }
        Event::Fault(ahead, fault) => {
            let faults = [
                Fault::Fails(Code::DeviceFailed),
                Fault::Fails(Code::WrongState),
                Fault::AnswerLost,
                Fault::DriverDies,
                Fault::ControlDies,
            ];
            let at = system.world.interactions + usize::from(ahead);
            system
                .world
                .faults
                .insert(at, faults[usize::from(fault) % faults.len()]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_life_ends_well(events in vec(event(), 0..120)) {
        let mut system = System::new(&PACKAGES);
        for event in events {
            play(&mut system, event);
        }
        system.settle();
        system.check_settled();
        let world = &system.world;
        if !world.cut_refused && !world.discard_refused && !world.shadow_deaf {
            system.world.faults.clear();
            let _ = system.order(&COMMIT);
            prop_assert_eq!(system.update(BETTER, Policy::Force), Outcome::Done);
            system.settle();
            system.check_settled();
            prop_assert_eq!(system.serving(), Some(BETTER));
        }
    }
}
