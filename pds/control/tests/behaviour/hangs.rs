//! A stager that hangs costs one order, and what its successor builds for that one costs none.

use crate::world::{BETTER, GOOD, System, check, manually};
use control::fake::Fault;
use control::transaction::{After, Step};
use control_protocol::record::{Outcome, Reason};
use control_protocol::request::Request;
use supervision::Code;
use supervision::root::Part;

/// A machine on which the stager hung over an order and was started anew; its successor has built what that order wanted, and control
/// has not heard of it yet.
fn after_a_hang() -> System {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    let package = system.upload(BETTER).expect("there");
    // The job is the one after the order to measure the gap.
    let job = system.world.interactions + 1;
    system.world.faults.insert(job, Fault::Fails(Code::Denied));
    let order = system.order(&manually(package)).expect("accepted");
    system.run();
    assert_eq!(system.outcome(order), Outcome::Refused(Reason::StagerSilent));
    assert_eq!(system.world.renewed, [Part::Stager]);
    assert_eq!(system.world.hurries, 1);
    assert!(!system.world.hurried, "its successor may hang too");
    system.world.stager_goes_on();
    system
}

fn order(system: &mut System, request: &Request<'_>) -> u32 {
    system.order(request).expect("accepted")
}

/// Control has heard that there is no memory for the copy of the driver that serves, and makes room.
fn making_room() -> (System, u32) {
    let mut system = after_a_hang();
    let package = system.upload(BETTER).expect("there");
    let update = order(&mut system, &manually(package));
    let makes_room = |system: &System| {
        let step = system.control.machine(0).expect("a device").step();
        step == Step::Reap(After::Spare)
    };
    while !makes_room(&system) {
        assert!(!system.world.reports.is_empty(), "{}", system.story());
        system.deliver(0);
    }
    (system, update)
}

#[test]
fn job_that_clients_hold_up_is_hurried_once_and_done() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    let package = system.upload(BETTER).expect("there");
    let job = system.world.interactions + 1;
    system.world.faults.insert(job, Fault::Fails(Code::Denied));
    let update = order(&mut system, &manually(package));
    while !system.world.reports.is_empty() {
        system.deliver(0);
    }
    assert_eq!(system.world.hurries, 0, "not before it is overdue");
    system.world.now = system.control.deadline().expect("that of the job");
    system.tick();
    assert!(system.world.hurried);
    system.world.stager_goes_on();
    system.run();
    assert!(!system.world.hurried);
    assert_eq!(system.outcome(update), Outcome::Done);
    assert!(system.world.renewed.is_empty());
    assert_eq!(
        system.world.hurries, 1,
        "the copy of the driver that serves was in time"
    );
}

#[test]
fn order_after_one_that_a_hung_stager_cost_is_carried_out() {
    for wanted in [manually, check] {
        let mut system = after_a_hang();
        let package = system.upload(BETTER).expect("there");
        let next = order(&mut system, &wanted(package));
        system.run();
        assert_eq!(system.outcome(next), Outcome::Done);
        system.settle();
        system.check_settled();
        assert_eq!(system.world.renewed.len(), 1);
    }
}

#[test]
fn driver_that_is_lost_while_room_is_made_is_replaced() {
    let (mut system, update) = making_room();
    system.world.driver_dies(0);
    system.run();
    assert_eq!(system.outcome(update), Outcome::Done);
    assert_eq!(system.serving(), Some(BETTER));
    system.settle();
    system.check_settled();
}

#[test]
fn control_that_dies_while_room_is_made_leaves_the_driver_alone() {
    let (mut system, update) = making_room();
    system.restart_control();
    system.run();
    assert_eq!(system.outcome(update), Outcome::Refused(Reason::ControlRestarted));
    assert_eq!(system.serving(), Some(GOOD));
    system.settle();
    system.check_settled();
}
