//! Whatever fails, and whoever dies, at whatever moment: in the end exactly one driver serves, or the device is
//! honestly offline. The fake world itself panics when two drivers have the device, or one gets it without a reset.

use crate::world::{BETTER, COMMIT, DISCARD, DISK, GOOD, System, check, manually, stage};
use control::fake::{Fault, Report};
use control_protocol::Request;
use control_protocol::request::Policy;
use supervision::Code;

const FAULTS: [Fault; 6] = [
    Fault::Fails(Code::Denied),
    Fault::Fails(Code::WrongState),
    Fault::Fails(Code::DeviceFailed),
    Fault::AnswerLost,
    Fault::DriverDies,
    Fault::ControlDies,
];

/// Those of which two are combined.
const PAIRED: [Fault; 4] = [
    Fault::Fails(Code::DeviceFailed),
    Fault::AnswerLost,
    Fault::DriverDies,
    Fault::ControlDies,
];

/// What is done to a booted system.
#[derive(Clone, Copy, Debug)]
enum Scenario {
    Boot,
    Update(&'static [u8]),
    Crash,
    Kill,
    UpdateThenCrash,
    /// Stage, then put that in.
    Staged,
    Check,
    /// Update, to be committed by hand, and that.
    Commit,
    /// Update and undo it.
    Discard,
}

const SCENARIOS: [Scenario; 13] = [
    Scenario::Boot,
    Scenario::Update(BETTER),
    Scenario::Update(b"L"),
    Scenario::Update(b"F"),
    Scenario::Update(b"H"),
    Scenario::Update(b"X"),
    Scenario::Crash,
    Scenario::Kill,
    Scenario::UpdateThenCrash,
    Scenario::Staged,
    Scenario::Check,
    Scenario::Commit,
    Scenario::Discard,
];

/// Plays a scenario with faults at interactions counted from its beginning; answers how many interactions it had.
fn play(scenario: Scenario, faults: &[(usize, Fault)]) -> usize {
    // Shown if it fails.
    println!("{scenario:?} {faults:?}");
    let mut system = System::new(&[GOOD, BETTER, b"L", b"F", b"H", b"X"]);
    // The construction of control has had its interactions already; a fault at boot hits the rest of it.
    if !matches!(scenario, Scenario::Boot) {
        system.settle();
    }
    let first = system.world.interactions;
    system.world.faults = faults.iter().map(|(at, fault)| (first + at, *fault)).collect();
    match scenario {
        Scenario::Boot => {}
        Scenario::Update(package) => drop(system.begin_update(package, Policy::Refuse)),
        Scenario::Crash => system.world.driver_dies(0),
        Scenario::Kill => drop(system.order(&Request::Kill { device: DISK })),
        Scenario::UpdateThenCrash => {
            let _ = system.begin_update(BETTER, Policy::Refuse);
            system.run();
            system.world.driver_dies(0);
        }
        Scenario::Staged => {
            let _ = system.order_with(BETTER, stage);
            system.run();
            let _ = system.begin_update(BETTER, Policy::Refuse);
        }
        Scenario::Check => drop(system.order_with(BETTER, check)),
        Scenario::Commit => {
            let _ = system.order_with(BETTER, manually);
            system.run();
            let _ = system.order(&COMMIT);
        }
        Scenario::Discard => {
            let _ = system.begin_update(BETTER, Policy::Refuse);
            system.run();
            let _ = system.order(&DISCARD);
        }
    }
    system.settle();
    system.check_settled();
    let played = system.world.interactions - first;
    // It still takes orders, unless root withholds the device or the memory, or the shadow is deaf.
    let world = &system.world;
    if !world.cut_refused && !world.discard_refused && !world.shadow_deaf {
        system.world.faults.clear();
        let _ = system.order(&COMMIT);
        let job = system.begin_update(BETTER, Policy::Refuse).expect("accepted");
        system.settle();
        system.check_settled();
        assert_eq!(system.serving(), Some(BETTER));
        system.outcome(job);
    }
    played
}

#[test]
fn one_fault_at_every_step() {
    for scenario in SCENARIOS {
        for at in 0..play(scenario, &[]) {
            for fault in FAULTS {
                play(scenario, &[(at, fault)]);
            }
        }
    }
}

#[test]
fn two_faults_at_every_pair_of_steps() {
    for scenario in SCENARIOS {
        for first in 0..play(scenario, &[]) {
            for fault in PAIRED {
                for second in first + 1..play(scenario, &[(first, fault)]) {
                    for other in PAIRED {
                        play(scenario, &[(first, fault), (second, other)]);
                    }
                }
            }
        }
    }
}

#[test]
fn memory_that_a_job_given_up_has_taken_is_not_held_against_the_driver() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    // One failure more than this one and the next, and the device goes offline.
    system.world.driver_dies(0);
    system.settle();
    let package = system.upload(BETTER).expect("there");
    system.order(&check(package)).expect("accepted");
    let of_stager = |report: &Report| matches!(report, Report::Stager(_));
    let built = |system: &System| system.world.reports.iter().position(of_stager).expect("built");
    let first = built(&system);
    system.deliver(first);
    // The driver dies when the rehearsal has all memory; nobody has heard of the last piece yet.
    let late = built(&system);
    let late = system.world.reports.remove(late).expect("there");
    system.world.driver_dies(0);
    system.deliver(system.world.reports.len() - 1);
    system.world.now = system.control.deadline().expect("a pause");
    system.tick();
    system.world.reports.push_front(late);
    system.settle();
    system.check_settled();
    assert_eq!(system.serving(), Some(GOOD));
}

#[test]
fn driver_that_died_together_with_control_is_replaced() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    let resets = system.world.devices[&0].resets;
    system.world.driver_dies(0);
    // Control had taken the event, and did not live to write it down.
    system.world.reports.clear();
    system.restart_control();
    system.settle();
    system.check_settled();
    assert_eq!(
        system.world.devices[&0].resets,
        resets + 1,
        "a new one was started"
    );
}

#[test]
fn package_stays_as_long_as_a_late_stager_may_be_reading_it() {
    let mut system = System::new(&[GOOD, BETTER, b"X"]);
    system.settle();
    let needs = |system: &System| system.control.machine(0).is_some_and(|machine| machine.needs(1));
    system.begin_update(BETTER, Policy::Refuse).unwrap();
    let late = system.world.reports.pop_front().expect("the stager's outcome");
    system.world.now = system.control.deadline().unwrap();
    system.tick();
    system.run();
    system.begin_update(b"X", Policy::Refuse).unwrap();
    assert!(needs(&system), "the job was given up, but nobody told the stager");
    system.world.reports.push_back(late);
    system.settle();
    assert!(!needs(&system));
    system.check_settled();
}
