//! Orders that put no new driver in: stage, check, commit, discard.

use crate::world::{BETTER, COMMIT, DISCARD, DISK, GOOD, System, check, manually, stage};
use control::fake::Fault;
use control::fake::Report;
use control::state::Saved;
use control_protocol::Reply;
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::{Condition, Device, Error, MAX_DOMAINS};
use control_protocol::request::{Policy, Request};
use supervision::Code;
use supervision::root::{DomainState, Part};

fn booted() -> System {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    system
}

fn device(system: &mut System) -> Device {
    system.ask(&Request::Status, |reply| match reply {
        Reply::Status(status) => status.devices[0].clone(),
        other => panic!("{other:?}"),
    })
}

fn staged(system: &mut System) -> Option<String> {
    let hash = device(system).staged?.hash;
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Orders, waits, and gives the outcome.
fn done(system: &mut System, request: &Request<'_>) -> Outcome {
    let job = system.order(request).expect("accepted");
    system.run();
    system.outcome(job)
}

#[test]
fn staged_driver_waits_beside_the_one_that_serves_and_an_update_takes_it() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &stage(package)), Outcome::Done);
    system.settle();
    assert_eq!((system.serving(), system.world.alive(0)), (Some(GOOD), 2));
    assert!(staged(&mut system).is_some());
    let before = system.world.jobs;
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    assert_eq!(
        system.world.jobs,
        before + 1,
        "only the copy of the old driver is built"
    );
    assert_eq!(staged(&mut system), None);
    assert_eq!(system.serving(), Some(BETTER));
    system.settle();
    system.check_settled();
}

#[test]
fn staging_twice_is_done_once_and_staging_another_gives_the_first_one_up() {
    let mut system = booted();
    let [better, third] = [BETTER, b"G three"].map(|package| system.upload(package).expect("there"));
    for (package, jobs) in [(better, 1), (better, 0), (third, 1)] {
        let before = system.world.jobs;
        assert_eq!(done(&mut system, &stage(package)), Outcome::Done);
        system.settle();
        assert_eq!((system.world.jobs - before, system.world.alive(0)), (jobs, 2));
    }
    // An update to something else needs the memory.
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    system.check_settled();
}

#[test]
fn discard_gives_up_what_is_staged() {
    let mut system = booted();
    assert_eq!(system.order(&DISCARD), Err(Error::NothingToDiscard));
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &stage(package)), Outcome::Done);
    assert_eq!(done(&mut system, &DISCARD), Outcome::Done);
    system.settle();
    assert_eq!(staged(&mut system), None);
    system.check_settled();
}

#[test]
fn check_reports_and_leaves_nothing_behind() {
    let mut system = booted();
    let resets = system.world.devices[&0].resets;
    let generation = system.world.running(0);
    let mut try_out = |bytes: &[u8]| {
        let package = system.upload(bytes).expect("there");
        let request = check(package);
        let outcome = done(&mut system, &request);
        system.settle();
        system.check_settled();
        assert_eq!(system.world.running(0), generation);
        outcome
    };
    assert_eq!(try_out(BETTER), Outcome::Done);
    // What only the device can tell is not known: it would fault in its probe.
    assert_eq!(try_out(b"F"), Outcome::Done);
    assert_eq!(try_out(b"?"), Outcome::Refused(Reason::Damaged { detail: 0 }));
    assert_eq!(system.world.devices[&0].resets, resets);
}

#[test]
fn staged_driver_of_which_the_stager_tells_a_successor_again_is_kept() {
    let mut system = booted();
    let better = system.upload(BETTER).expect("there");
    system.order(&stage(better)).expect("accepted");
    let told = |report: &Report| matches!(report, Report::Stager(_));
    let built = system.world.reports.iter().copied().find(told).expect("built");
    system.settle();
    // Control dies when it has written it down, but has not let go of the message.
    system.restart_control();
    system.world.reports.push_back(built);
    system.settle();
    system.check_settled();
    assert_eq!((staged(&mut system).is_some(), system.world.alive(0)), (true, 2));
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
}

#[test]
fn check_beside_a_staged_driver_leaves_that_alone() {
    let mut system = booted();
    let [better, third] = [BETTER, b"G three"].map(|package| system.upload(package).expect("there"));
    assert_eq!(done(&mut system, &stage(better)), Outcome::Done);
    let held = staged(&mut system);
    assert_eq!(done(&mut system, &check(third)), Outcome::Done);
    system.settle();
    assert_eq!((staged(&mut system), system.world.alive(0)), (held, 2));
}

#[test]
fn check_of_a_device_that_is_offline_does_not_touch_it() {
    let mut system = System::new(&[b"?", BETTER]);
    system.settle();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(system.order(&stage(package)), Err(Error::NoDriver));
    let resets = system.world.devices[&0].resets;
    assert_eq!(done(&mut system, &check(package)), Outcome::Done);
    system.settle();
    assert!(matches!(system.condition(), Condition::Offline(_)));
    assert_eq!(
        (system.world.devices[&0].resets, system.world.alive(0)),
        (resets, 0)
    );
}

#[test]
fn driver_that_is_lost_while_another_is_staged_is_restarted_and_the_other_not_put_in() {
    use control::transaction::Step;
    for (request, step) in [
        (true, Step::StageNew),
        (true, Step::Measure),
        (false, Step::StageNew),
        (false, Step::StageSpare),
        (false, Step::Measure),
    ] {
        let mut system = booted();
        let package = system.upload(BETTER).expect("there");
        let order = match request {
            true => stage(package),
            false => check(package),
        };
        let job = system.order(&order).expect("accepted");
        while system.control.machine(0).map(|machine| machine.step()) != Some(step) {
            system.deliver(0);
        }
        system.world.driver_dies(0);
        let last = system.world.reports.len() - 1;
        system.deliver(last);
        system.run();
        assert_eq!(system.serving(), Some(GOOD), "{step:?}");
        let refused = matches!(system.outcome(job), Outcome::Refused(Reason::Fault { .. }));
        assert_eq!(refused, step != Step::Measure, "{step:?}");
        let recovery = system.job(job + 1).expect("a record of its own");
        assert_eq!(
            (recovery.kind, recovery.state),
            (Kind::Recovery, State::Done(Outcome::Done))
        );
        system.settle();
        system.check_settled();
        assert_eq!(staged(&mut system), None, "it was built for the other side");
    }
}

#[test]
fn commit_ends_the_probation_early() {
    let mut system = booted();
    assert_eq!(system.order(&COMMIT), Err(Error::NothingToCommit));
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    assert_eq!(system.condition(), Condition::Probation);
    let now = system.world.now;
    assert_eq!(done(&mut system, &COMMIT), Outcome::Done);
    assert_eq!(system.condition(), Condition::Working);
    assert!(system.world.now < now + 500_000, "not by waiting for it");
    system.check_settled();
    assert_eq!(system.order(&COMMIT), Err(Error::NothingToCommit));
    assert_eq!(
        done(&mut system, &Request::Rollback { device: DISK }),
        Outcome::Done
    );
    assert_eq!(system.serving(), Some(GOOD));
}

#[test]
fn manual_update_stays_on_probation_until_it_is_committed() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &manually(package)), Outcome::Done);
    system.settle();
    system.world.now += 3_600 * control::fake::HZ;
    system.tick();
    assert_eq!(system.condition(), Condition::Probation);
    assert!(device(&mut system).awaits_commit);
    // Nothing else may end it by the way.
    let other = system.upload(GOOD).expect("there");
    assert_eq!(system.order(&stage(other)), Err(Error::Uncommitted));
    assert_eq!(system.order(&manually(other)), Err(Error::Uncommitted));
    assert_eq!(
        system.order(&Request::Rollback { device: DISK }),
        Err(Error::Uncommitted)
    );
    assert_eq!(done(&mut system, &COMMIT), Outcome::Done);
    assert!(!device(&mut system).awaits_commit);
    system.settle();
    system.check_settled();
}

#[test]
fn loss_of_a_manual_update_brings_the_old_driver_back_at_any_time() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &manually(package)), Outcome::Done);
    system.settle();
    system.world.now += 3_600 * control::fake::HZ;
    system.world.driver_dies(0);
    system.run();
    assert_eq!(system.serving(), Some(GOOD));
    system.settle();
    system.check_settled();
}

#[test]
fn manual_probation_survives_control() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &manually(package)), Outcome::Done);
    system.settle();
    system.restart_control();
    system.settle();
    assert_eq!(system.condition(), Condition::Probation);
    assert_eq!(done(&mut system, &DISCARD), Outcome::Done);
    assert_eq!(system.serving(), Some(GOOD));
    system.settle();
    system.check_settled();
}

#[test]
fn staged_driver_survives_control() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &stage(package)), Outcome::Done);
    system.settle();
    system.restart_control();
    system.settle();
    assert!(staged(&mut system).is_some());
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    system.check_settled();
}

#[test]
fn discard_on_probation_undoes_the_update_without_building_anything() {
    let mut system = booted();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    let jobs = system.world.jobs;
    let job = system.order(&DISCARD).expect("accepted");
    system.run();
    assert_eq!(
        (system.outcome(job), system.serving()),
        (Outcome::Done, Some(GOOD))
    );
    assert_eq!(system.world.jobs, jobs);
    let record = system.job(job).expect("known");
    assert_eq!((record.kind, record.result), (Kind::Discard, record.to));
    assert_eq!(system.condition(), Condition::Working);
    assert_eq!(
        system.order(&Request::Rollback { device: DISK }),
        Err(Error::NothingToRollBack)
    );
    assert_eq!(system.order(&DISCARD), Err(Error::NothingToDiscard));
    system.settle();
    system.check_settled();
}

#[test]
fn discard_during_which_the_driver_is_lost_is_done_all_the_same() {
    use control::transaction::Step;
    for step in [Step::Quiesce, Step::Attach, Step::Enable, Step::Measure] {
        let mut system = booted();
        assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
        let job = system.order(&DISCARD).expect("accepted");
        while system.control.machine(0).map(|machine| machine.step()) != Some(step) {
            system.deliver(0);
        }
        system.world.driver_dies(0);
        if step != Step::Attach {
            let last = system.world.reports.len() - 1;
            system.deliver(last);
        }
        system.run();
        assert_eq!(system.serving(), Some(GOOD), "{step:?}");
        assert!(
            matches!(system.outcome(job), Outcome::Done),
            "{step:?}: {:?}",
            system.outcome(job)
        );
        system.settle();
        system.check_settled();
    }
}

#[test]
fn repeated_order_of_any_kind_is_executed_once() {
    let mut system = booted();
    let read = |reply: Reply<'_>| format!("{reply:?}");
    let package = system.upload(BETTER).expect("there");
    let orders = [stage(package), DISCARD, check(package), manually(package), COMMIT];
    for (number, order) in orders.iter().enumerate() {
        let first = system.ask_as(1000 + number as u32, order, read);
        assert!(first.contains("Accepted"), "{order:?}: {first}");
        system.run();
        let saved: Saved = system.world.saved;
        assert_eq!(system.ask_as(1000 + number as u32, order, read), first);
        system.run();
        assert_eq!(system.world.saved, saved);
    }
}

#[test]
fn update_that_cannot_be_discarded_is_on_probation_as_before() {
    let mut system = booted();
    let package = system.upload(BETTER).expect("there");
    assert_eq!(done(&mut system, &manually(package)), Outcome::Done);
    system.settle();
    // The order to drain is the one after the order to measure the gap.
    let quiesce = system.world.interactions + 1;
    system.world.faults.insert(quiesce, Fault::AnswerLost);
    assert_eq!(
        done(&mut system, &DISCARD),
        Outcome::Refused(Reason::ShadowSilent)
    );
    assert_eq!(system.world.renewed, [Part::Shadow]);
    assert_eq!(system.condition(), Condition::Probation);
    assert_eq!(system.serving(), Some(BETTER));
    assert_eq!(done(&mut system, &DISCARD), Outcome::Done);
    assert_eq!(system.serving(), Some(GOOD));
    system.settle();
    system.check_settled();
}

#[test]
fn check_does_not_call_a_device_working_whose_driver_cannot_be_cut() {
    let mut system = booted();
    system.world.driver_dies(0);
    // After the orders to measure and to impersonate.
    let cut = system.world.interactions + 2;
    system.world.faults.insert(cut, Fault::Fails(Code::Denied));
    system.settle();
    assert!(system.world.cut_refused);
    let offline = system.condition();
    assert!(matches!(offline, Condition::Offline(_)));
    let package = system.upload(BETTER).expect("there");
    assert_eq!(system.order(&stage(package)), Err(Error::NoDriver));
    assert_eq!(done(&mut system, &check(package)), Outcome::Done);
    system.settle();
    assert_eq!(system.condition(), offline);
}

#[test]
fn only_parts_of_the_system_that_faulted_are_told_of() {
    let told = |system: &mut System| {
        system.ask(&Request::Domains, |reply| match reply {
            Reply::Domains(domains) => domains.to_vec(),
            other => panic!("{other:?}"),
        })
    };
    let mut system = booted();
    assert_eq!(told(&mut system), []);
    let name = |text: &[u8]| core::array::from_fn(|at| text.get(at).copied().unwrap_or(0));
    let unharmed = DomainState::UNHARMED;
    let faulted = DomainState {
        restarts: 3,
        label: 6,
        address: 0x10,
        pc: 0x20,
        name: name(b"stager"),
        ..unharmed
    };
    let buried = DomainState {
        dead: true,
        // As long as a name can be, and no text.
        name: [0xff; 40],
        ..unharmed
    };
    system.world.domains = vec![unharmed, faulted, unharmed, buried];
    let told = told(&mut system);
    let [stager, unnamed] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (stager.name.as_str(), stager.restarts, stager.dead),
        ("stager", 3, false)
    );
    assert_eq!((stager.label, stager.address, stager.pc), (6, 0x10, 0x20));
    assert_eq!((unnamed.name.as_str(), unnamed.dead), ("?", true));
}

#[test]
fn more_faulted_parts_than_fit_an_answer_are_cut_off() {
    let mut system = booted();
    system.world.domains = vec![
        DomainState {
            dead: true,
            ..DomainState::UNHARMED
        };
        64
    ];
    let count = system.ask(&Request::Domains, |reply| match reply {
        Reply::Domains(domains) => domains.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(count, MAX_DOMAINS);
}
