//! Updates and losses, one at a time.

use crate::world::{BETTER, DISK, GOOD, System};
use control::fake::{Fault, HZ, Mode};
use control_protocol::record::{Kind, Outcome, Reason};
use control_protocol::reply::{Condition, Error};
use control_protocol::request::{Commit, Policy};
use control_protocol::{Reply, Request};

fn booted() -> System {
    let mut system = System::new(&[GOOD]);
    system.settle();
    assert_eq!(system.serving(), Some(GOOD));
    system
}

#[test]
fn boot_starts_the_preloaded_package_on_a_reset_device() {
    let system = booted();
    assert_eq!(system.condition(), Condition::Working);
    assert_eq!(system.world.devices[&0].resets, 1);
    system.check_settled();
}

#[test]
fn boot_with_a_bad_package_is_offline_and_an_update_heals_it() {
    let mut system = System::new(&[b"P"]);
    system.settle();
    assert_eq!(system.condition(), Condition::Offline(Reason::Probe { code: 9 }));
    system.check_settled();
    assert_eq!(system.update(GOOD, Policy::Refuse), Outcome::Done);
    system.settle();
    system.check_settled();
    assert_eq!(system.serving(), Some(GOOD));
}

#[test]
fn update_replaces_the_driver_and_keeps_the_old_copy_until_commit() {
    let mut system = booted();
    let job = system.begin_update(BETTER, Policy::Refuse).expect("accepted");
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
    assert_eq!(system.condition(), Condition::Probation);
    assert_eq!(system.world.alive(0), 2);
    let figures = system.job(job).expect("known").figures;
    assert_eq!(
        (
            figures.in_flight,
            figures.undrained,
            figures.resubmitted,
            figures.queued
        ),
        (32, 1, 3, 7)
    );
    assert_eq!(
        (figures.before_ns, figures.blackout_ns),
        (1_000_000, Some(100_000))
    );
    assert_eq!(figures.client_gap_ns, Some(5_000_000));
    system.settle();
    assert_eq!(system.condition(), Condition::Working);
    system.check_settled();
}

#[test]
fn drain_is_short_unless_the_operator_wants_it_otherwise() {
    let mut system = booted();
    let micros = |us: u64| us * HZ / 1_000_000;
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    let (most, age) = system.world.devices[&0].drained;
    assert_eq!((most <= micros(80), age), (true, micros(80)));
    for drain_us in [0, 5_000] {
        let package = system.upload(GOOD).expect("uploaded");
        let order = Request::Update {
            device: DISK,
            package,
            policy: Policy::Refuse,
            commit: Commit::Timed,
            drain_us: Some(drain_us),
        };
        let job = system.order(&order).expect("accepted");
        system.run();
        assert_eq!(system.outcome(job), Outcome::Done);
        let (most, age) = system.world.devices[&0].drained;
        // A few ticks pass until the order is there.
        let wanted = micros(drain_us.into());
        assert!((wanted.saturating_sub(10)..=wanted).contains(&most), "{most}");
        assert_eq!(age, 0, "however old requests are");
    }
}

#[test]
fn refused_packages_touch_nothing() {
    let mut system = booted();
    let resets = system.world.devices[&0].resets;
    assert_eq!(
        system.update(b"X", Policy::Refuse),
        Outcome::Refused(Reason::Damaged { detail: 0 })
    );
    assert_eq!(system.world.devices[&0].resets, resets);
    assert_eq!(system.serving(), Some(GOOD));
    system.settle();
    system.check_settled();
}

#[test]
fn bad_drivers_are_rolled_back() {
    let fault = Reason::Fault {
        label: 5,
        address: 0xdead,
        pc: 0x20_1000,
    };
    for (package, reason) in [
        (b"L", Reason::CapabilityLost { fields: 4 }),
        (b"P", Reason::Probe { code: 9 }),
        (b"H", Reason::ProbeDeadline),
        (b"F", fault),
        (b"C", fault),
    ] {
        let mut system = booted();
        assert_eq!(
            system.update(package, Policy::Refuse),
            Outcome::RolledBack(reason),
            "{package:?}"
        );
        assert_eq!(system.serving(), Some(GOOD));
        system.settle();
        system.check_settled();
        assert_eq!(system.serving(), Some(GOOD));
    }
}

#[test]
fn operator_may_accept_a_loss() {
    for policy in [Policy::Degrade, Policy::Force] {
        let mut system = booted();
        assert_eq!(system.update(b"L", policy), Outcome::Done);
        assert_eq!(system.serving(), Some(&b"L"[..]));
    }
}

#[test]
fn rollback_goes_back_and_forth() {
    let mut system = booted();
    let rollback = Request::Rollback { device: DISK };
    assert_eq!(system.order(&rollback), Err(Error::NothingToRollBack));
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    for expected in [GOOD, BETTER, GOOD] {
        let job = system.order(&rollback).expect("accepted");
        system.run();
        assert_eq!(system.outcome(job), Outcome::Done);
        assert_eq!(system.serving(), Some(expected));
    }
    system.settle();
    assert_eq!(system.order(&rollback).map(|_| system.run()), Ok(()));
    assert_eq!(system.serving(), Some(BETTER));
}

#[test]
fn crash_is_repaired_with_the_same_version() {
    for retire in [false, true] {
        let mut system = booted();
        let generation = system.world.running(0);
        if retire {
            system.world.retire(0);
        } else {
            system.world.driver_dies(0);
        }
        system.settle();
        assert_eq!(system.serving(), Some(GOOD));
        assert_ne!(system.world.running(0), generation);
        system.check_settled();
    }
}

#[test]
fn crash_on_probation_brings_the_old_version_back() {
    let mut system = booted();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.world.driver_dies(0);
    system.settle();
    assert_eq!(system.serving(), Some(GOOD));
    system.check_settled();
}

#[test]
fn version_that_fails_too_often_gives_way_to_the_last_good_one() {
    let mut system = booted();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    for expected in [BETTER, BETTER, GOOD, GOOD, GOOD] {
        system.world.driver_dies(0);
        system.settle();
        assert_eq!(system.serving(), Some(expected));
        system.check_settled();
    }
    system.world.driver_dies(0);
    system.settle();
    assert_eq!(system.condition(), Condition::Offline(Reason::TooManyFailures));
    assert_eq!(system.world.devices[&0].mode, Mode::Offline);
    system.check_settled();
}

#[test]
fn kill_restarts_the_version_that_runs_and_is_held_against_nobody() {
    let mut system = booted();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    for _ in 0..5 {
        let job = system.order(&Request::Kill { device: DISK }).expect("accepted");
        system.run();
        assert_eq!(system.outcome(job), Outcome::Done);
        assert_eq!(system.job(job).map(|record| record.kind), Some(Kind::Kill));
        assert_eq!(system.serving(), Some(BETTER));
    }
    system.settle();
    system.check_settled();
}

#[test]
fn device_that_cannot_be_reset_is_offline_with_its_last_driver_quarantined() {
    let mut system = booted();
    let job = system.begin_update(BETTER, Policy::Refuse).expect("accepted");
    // Every reset from here on fails: the interactions of an update are not that many.
    let from = system.world.interactions;
    let resets = system.world.devices[&0].resets;
    while system.world.devices[&0].resets == resets && system.control.deadline().is_some() {
        let next = system.world.interactions;
        if system
            .control
            .machine(0)
            .is_some_and(|machine| machine.step() == control::transaction::Step::Quiesce)
        {
            system
                .world
                .faults
                .insert(next + 1, Fault::Fails(supervision::Code::DeviceFailed));
        }
        if system.world.reports.is_empty() {
            break;
        }
        system.deliver(0);
    }
    assert!(system.world.interactions > from);
    system.settle();
    assert_eq!(system.outcome(job), Outcome::Offline(Reason::DeviceReset));
    assert_eq!(system.world.quarantined(0), 1);
    system.check_settled();
    // Tried again, it can be reset; then nothing is quarantined any more.
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    system.check_settled();
}

#[test]
fn second_order_is_refused_while_one_runs() {
    let mut system = booted();
    let job = system.begin_update(BETTER, Policy::Refuse).expect("accepted");
    assert_eq!(
        system.begin_update(BETTER, Policy::Refuse),
        Err(Error::Busy { job })
    );
    assert_eq!(
        system.order(&Request::Kill { device: DISK }),
        Err(Error::Busy { job })
    );
    assert!(matches!(system.condition(), Condition::Changing { .. }));
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
}

#[test]
fn repeated_order_is_answered_and_not_executed_again() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("uploaded");
    let request = Request::Update {
        device: DISK,
        package,
        policy: Policy::Refuse,
        commit: Commit::Timed,
        drain_us: None,
    };
    let read = |reply: Reply<'_>| format!("{reply:?}");
    let first = system.ask_as(1000, &request, read);
    assert_eq!(system.ask_as(1000, &request, read), first);
    system.run();
    let generation = system.world.running(0);
    assert_eq!(system.ask_as(1000, &request, read), first);
    system.run();
    assert_eq!(system.world.running(0), generation);
}

#[test]
fn two_devices_change_at_the_same_time() {
    let mut system = System::with_devices(2, &[GOOD, BETTER]);
    system.settle();
    let package = system.upload(BETTER).expect("there");
    let jobs = ["disk0", "disk1"].map(|device| {
        system
            .order(&Request::Update {
                device,
                package,
                policy: Policy::Refuse,
                commit: Commit::Timed,
                drain_us: None,
            })
            .expect("accepted")
    });
    system.run();
    assert_eq!(
        jobs.map(|job| system.outcome(job)),
        [Outcome::Done, Outcome::Done]
    );
    system.settle();
    system.check_settled();
}

#[test]
fn two_hundred_updates_in_a_row_leave_one_generation() {
    let mut system = booted();
    for n in 0..200 {
        let package = if n % 2 == 0 { BETTER } else { GOOD };
        assert_eq!(system.update(package, Policy::Refuse), Outcome::Done);
    }
    system.settle();
    system.check_settled();
}

#[test]
fn update_survives_the_loss_of_the_old_driver_at_every_step() {
    use control::transaction::Step;
    for (step, expected) in [
        (Step::StageNew, BETTER),
        (Step::StageSpare, BETTER),
        (Step::Quiesce, BETTER),
        // By then the driver that is lost is the new one.
        (Step::Enable, GOOD),
        (Step::Measure, GOOD),
    ] {
        let mut system = booted();
        let job = system.begin_update(BETTER, Policy::Refuse).expect("accepted");
        while system.control.machine(0).map(|machine| machine.step()) != Some(step) {
            system.deliver(0);
        }
        system.world.driver_dies(0);
        // Root's word comes first.
        let last = system.world.reports.len() - 1;
        system.deliver(last);
        system.run();
        assert_eq!(system.serving(), Some(expected), "{step:?}");
        let rolled_back = matches!(system.outcome(job), Outcome::RolledBack(Reason::Fault { .. }));
        assert_eq!(rolled_back, expected == GOOD, "{step:?}");
        system.settle();
        system.check_settled();
        assert_eq!(system.serving(), Some(expected), "{step:?}");
    }
}
