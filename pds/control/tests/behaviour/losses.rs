//! Drivers that are lost again and again, and what the operator is told of it.

use crate::world::{BETTER, GOOD, System};
use control::transaction::Step;
use control_protocol::Reply;
use control_protocol::cause::Cause;
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::{Condition, Device};
use control_protocol::request::{Policy, Request};

fn device(system: &mut System) -> Device {
    system.ask(&Request::Status, |reply| match reply {
        Reply::Status(status) => status.devices[0].clone(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn second_restart_waits_and_the_first_does_not() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    for (failure, waits) in [(1, false), (2, true)] {
        let before = system.world.now;
        system.world.driver_dies(0);
        system.deliver(0);
        let waited = matches!(
            system.control.machine(0).map(|machine| machine.step()),
            Some(Step::BackOff(_))
        );
        assert_eq!(waited, waits, "failure {failure}");
        system.settle();
        assert_eq!(system.world.now - before >= 10_000, waits, "failure {failure}");
        assert_eq!(system.serving(), Some(GOOD));
    }
}

#[test]
fn status_tells_causes_and_what_was_tried() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    for _ in 0..3 {
        system.world.driver_dies(0);
        system.settle();
    }
    assert_eq!(system.serving(), Some(GOOD), "the last good one");
    for _ in 0..3 {
        system.world.retire(0);
        system.settle();
    }
    assert_eq!(system.condition(), Condition::Offline(Reason::TooManyFailures));
    let device = device(&mut system);
    assert_eq!(device.causes[Cause::Fault as usize], 3);
    assert_eq!(device.causes[Cause::Link as usize], 3);
    assert_eq!(device.causes.iter().sum::<u32>(), device.failures);
    let [first, second] = device.tried.as_slice() else {
        panic!("{:?}", device.tried)
    };
    assert_eq!((first.times, second.times), (3, 3));
    assert!(matches!(first.reason, Reason::Fault { .. }));
    assert_eq!(second.reason, Reason::Link { detail: 1 });
    assert_ne!(first.package, second.package);
    // The operator's next driver starts with a clean slate.
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    assert!(self::device(&mut system).tried.is_empty());
}

#[test]
fn driver_that_is_busy_with_nothing_to_do_is_replaced() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    let generation = system.world.running(0);
    system.world.idle(0, false);
    system.world.idle(0, true);
    system.settle();
    assert_eq!(system.world.running(0), generation, "a quiet one stays");

    system.world.busy_permille = 900;
    system.world.idle(0, false);
    system.settle();
    assert_eq!(
        system.world.running(0),
        generation,
        "the time before the first window may have been busy for good reason"
    );
    system.world.idle(0, true);
    system.settle();
    assert_ne!(system.world.running(0), generation);
    let recovery = system.job(2).expect("a record");
    assert_eq!(
        (recovery.kind, recovery.state, recovery.cause),
        (
            Kind::Recovery,
            State::Done(Outcome::Done),
            Some(Reason::Storm {
                permille: Some(900),
                passes: 5
            })
        )
    );
    system.check_settled();
}

#[test]
fn copy_that_fails_too_is_tried_again_before_the_device_is_offline() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    let job = system.begin_update(b"P", Policy::Refuse).expect("accepted");
    // The new driver cannot probe; by the time its predecessor's copy starts, that dies once too.
    let mut killed = false;
    for _ in 0..10_000 {
        let restoring = system.world.devices[&0].resets >= 3;
        if restoring && !killed && system.world.running(0).is_some() {
            killed = true;
            system.world.driver_dies(0);
            let last = system.world.reports.len() - 1;
            system.deliver(last);
        }
        if system.idle() && system.world.reports.is_empty() {
            break;
        }
        if system.world.reports.is_empty() {
            system.world.now = system.control.deadline().unwrap_or(system.world.now);
            system.tick();
        } else {
            system.deliver(0);
        }
    }
    assert!(killed);
    assert_eq!(system.serving(), Some(GOOD));
    assert!(matches!(
        system.outcome(job),
        Outcome::RolledBack(Reason::Probe { .. })
    ));
    system.settle();
    system.check_settled();
}
