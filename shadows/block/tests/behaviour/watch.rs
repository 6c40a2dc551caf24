//! The watch over a driver that has nothing to do.

use core::mem::offset_of;

use device_class::block::Op;
use device_class::report::DriverReport;
use shadow::slot::Mode;
use supervision::shadow::{EventKind, Failure};

use crate::world::*;

/// The driver passes through its event loop so many times.
fn beat(machine: &mut Machine, times: u32) {
    let driver = machine.driver.as_mut().unwrap();
    let offset = offset_of!(DriverReport, heartbeat);
    driver.beats += times;
    driver.link.write_info_word(offset, driver.beats);
}

/// A machine whose driver has had nothing to do for a whole window, of which control was told.
fn idle() -> Machine {
    let mut machine = Machine::running(&["raw"]);
    // The window in which the partition table was read.
    machine.pass(WATCH);
    machine.env.rung.clear();
    machine.pass(WATCH);
    let idle = machine.expect(EventKind::Idle);
    assert!(idle.a >= WATCH);
    assert_eq!(
        (idle.b, idle.transaction),
        (0, 0),
        "the window before was not idle"
    );
    machine
}

#[test]
fn driver_with_nothing_to_do_is_asked_for_a_sign_of_life() {
    let mut machine = idle();
    assert!(
        machine.env.rung.contains(&(1 + machine.side as u64)),
        "it is notified"
    );
    for passes in [1, 1000] {
        beat(&mut machine, passes);
        machine.pass(WATCH);
        let idle = machine.expect(EventKind::Idle);
        assert_eq!((idle.b, idle.c), (1, passes.into()));
    }
    assert!(machine.events.is_empty());
    assert_eq!(machine.mode(), Mode::Passive);
}

#[test]
fn driver_that_gives_no_sign_of_life_is_retired() {
    let mut machine = idle();
    beat(&mut machine, 1);
    machine.pass(WATCH);
    machine.expect(EventKind::Idle);
    machine.pass(WATCH - 1000);
    assert!(machine.events.is_empty(), "it has a whole window");
    machine.pass(1000);
    let retire = machine.expect(EventKind::Retire);
    assert_eq!((retire.a, retire.transaction), (Failure::Heartbeat as u64, 0));
    assert_eq!(machine.mode(), Mode::Active);
}

#[test]
fn driver_that_has_a_request_is_left_to_the_deadline_of_requests() {
    let mut machine = idle();
    assert!(machine.submit(0, Op::Write, 3, 1));
    machine.exchange();
    machine.driver_takes();
    // Not a word from it; it may be waiting for its device.
    machine.driver_answers(0);
    machine.pass(WATCH);
    machine.pass(WATCH / 2);
    assert!(machine.events.is_empty(), "neither idle nor retired");
    machine.pass(WATCH / 2);
    assert_eq!(machine.expect(EventKind::Idle).b, 0);
}

#[test]
fn driver_that_passes_through_its_loop_for_no_request_is_retired() {
    for (passes, retired) in [(4000, false), (5000, true)] {
        let mut machine = idle();
        assert!(machine.submit(0, Op::Write, 3, 1));
        machine.work_until_idle();
        beat(&mut machine, passes);
        machine.pass(WATCH);
        if retired {
            let retire = machine.expect(EventKind::Retire);
            assert_eq!((retire.a, retire.b), (Failure::Storm as u64, passes.into()));
        }
        assert!(machine.events.is_empty());
    }
}

#[test]
fn driver_that_is_driven_by_requests_may_pass_as_often_as_they_want() {
    let mut machine = idle();
    for block in 0..2000 {
        assert!(machine.submit(0, Op::Write, block % 500, 1));
        machine.work_until_idle();
        beat(&mut machine, 4);
    }
    machine.pass(WATCH);
    assert!(machine.events.is_empty());
}
