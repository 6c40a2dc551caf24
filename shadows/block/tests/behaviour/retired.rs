//! Drivers that break the rules, hang or fail: they are retired with a reason, and the clients never notice.

use device_class::block::*;
use shadow::slot::{Mode, detail};
use shared_ring::page::Page;
use supervision::shadow::{CommandKind, EventKind, Failure, Policy};

use crate::world::driver::done;
use crate::world::*;

/// The driver does something forbidden; what control hears.
fn retired_by(misdeed: impl FnOnce(&mut Driver)) -> (u64, u64) {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    machine.driver_answers(0);
    misdeed(machine.driver.as_mut().unwrap());
    let _ = machine.driver.as_mut().unwrap().link.publish();
    machine.ring();
    let event = machine.expect(EventKind::Retire);
    assert_eq!((machine.mode(), event.generation), (Mode::Active, 1));
    machine.cut();
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(
        machine.clients[0].statuses(),
        [Status::Ok; 4],
        "clients never notice"
    );
    machine.clients[0].check_disk(&machine.disk, 64);
    (event.a, event.b)
}

#[test]
fn driver_that_breaks_the_rules_is_retired_with_a_reason() {
    let unknown = Failure::UnknownRequest as u64;
    assert_eq!(
        retired_by(|d| d.answer(d.given[0])),
        (unknown, detail::TAG),
        "twice"
    );
    let other = |d: &mut Driver, change: fn(&mut BlockResponse)| {
        let mut response = done(&d.pending[0]);
        change(&mut response);
        d.answer(response);
    };
    assert_eq!(
        retired_by(|d| other(d, |r| r.id ^= 63)),
        (unknown, detail::TAG),
        "never asked"
    );
    assert_eq!(
        retired_by(|d| other(d, |r| r.generation = 0)),
        (unknown, detail::GENERATION)
    );
    assert_eq!(
        retired_by(|d| other(d, |r| r.count = 2)),
        (unknown, detail::ANSWER)
    );
    assert_eq!(
        retired_by(|d| other(d, |r| r.status = 99)),
        (unknown, detail::ANSWER)
    );
}

#[test]
fn driver_that_breaks_the_link_is_retired() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    machine
        .raw_page_of_driver()
        .store32(shared_ring::TAIL, 1_000_000, std::sync::atomic::Ordering::SeqCst);
    machine.ring();
    assert_eq!(machine.expect(EventKind::Retire).a, Failure::Link as u64);
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    // Its head is only looked at when space is needed: what was answered has left the ring, but nobody has looked yet.
    (0..4).for_each(|_| machine.driver_answers(0));
    machine.exchange();
    machine
        .raw_page_of_driver()
        .store32(shared_ring::HEAD, 1_000_000, std::sync::atomic::Ordering::SeqCst);
    for block in 0..63 {
        machine.submit(0, Op::Read, 100 + block, 1);
    }
    machine.exchange();
    assert_eq!(machine.expect(EventKind::Retire).a, Failure::Link as u64);
}

#[test]
fn driver_that_never_answers_is_retired() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..2);
    machine.pass(REQUEST_DEADLINE / 2);
    machine.driver_answers(0);
    load(&mut machine, 0, 5..6);
    machine.pass(REQUEST_DEADLINE / 2);
    let retire = machine.expect(EventKind::Retire);
    assert_eq!(
        (retire.a, retire.transaction),
        (Failure::RequestDeadline as u64, 0)
    );
    assert!((REQUEST_DEADLINE..REQUEST_DEADLINE + 1000).contains(&retire.b));
}

#[test]
fn busy_driver_is_not_retired_for_being_busy() {
    let mut machine = Machine::running(&["raw"]);
    for round in 0..50 {
        load(&mut machine, 0, round..round + 1);
        machine.pass(REQUEST_DEADLINE / 10);
        machine.driver_answers(0);
    }
    assert!(machine.events.is_empty());
}

#[test]
fn misdeed_while_draining_ends_the_drain() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    machine.drain(Policy::Refuse, 1_000_000);
    let driver = machine.driver.as_mut().unwrap();
    driver.answer(BlockResponse::default());
    let _ = driver.link.publish();
    machine.ring();
    machine.expect(EventKind::Quiesced);
    machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Retire);
}
