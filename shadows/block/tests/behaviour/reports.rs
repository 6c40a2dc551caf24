//! What a driver says of itself: judged before it is believed, and in nobody else's name.

use device_class::block::*;
use device_class::report::{DriverReport, STATE_FAILED, STATE_READY};
use shadow::slot::Mode;
use supervision::shadow::{CommandKind, EventKind, Failure, Policy};

use crate::world::*;

#[test]
fn report_that_an_old_generation_left_in_its_successors_name_is_not_believed() {
    let mut machine = Machine::running(&["raw"]);
    assert!(machine.submit(0, Op::Write, 3, 1));
    // The first generation guesses who will have its page next, and says that this one works.
    let mut forged = block_report(3, STATE_READY, 0, &RECORD);
    forged.heartbeat = 1;
    machine.driver.as_mut().unwrap().link.write_info(&forged);
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    machine.drain(Policy::Refuse, 5_000);
    machine.expect(EventKind::Quiesced);
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.ring();
    assert!(
        matches!(machine.mode(), Mode::Waiting { .. }),
        "{:?}",
        machine.mode()
    );
    machine.start(RECORD);
    assert_eq!(machine.expect(EventKind::Enabled).generation, 3);
    machine.work_until_idle();
}

#[test]
fn reports_are_judged_before_they_are_believed() {
    fn good(generation: u32) -> DriverReport {
        block_report(generation, 1, 0, &RECORD)
    }
    let failure = |report: fn(u32) -> DriverReport| {
        let mut machine = Machine::running(&["raw"]);
        machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
        machine.expect(EventKind::Quiesced);
        machine.attach(Policy::Force);
        machine.start_with(report(machine.generation));
        let failed = machine.expect(EventKind::Failed);
        assert_eq!(machine.mode(), Mode::Active);
        (failed.a, failed.b)
    };
    let bad = Failure::BadReport as u64;
    assert_eq!(
        failure(|g| block_report(g, STATE_FAILED, 42, &RECORD)),
        (Failure::Probe as u64, 42)
    );
    assert_eq!(failure(|g| block_report(g + 1, 1, 0, &RECORD)), (bad, 1));
    assert_eq!(failure(|g| block_report(g, 9, 0, &RECORD)).0, bad);
    let insane = |g| {
        block_report(
            g,
            1,
            0,
            &BlockCapabilities {
                block_size: 1000,
                ..RECORD
            },
        )
    };
    assert_eq!(failure(insane), (bad, 4));
    assert_eq!(failure(|g| DriverReport { class: 2, ..good(g) }), (bad, 2));
    assert_eq!(
        failure(|g| DriverReport {
            record_len: 64,
            ..good(g)
        }),
        (bad, 3)
    );
}

#[test]
fn report_that_does_not_come_fails_at_its_deadline() {
    let mut machine = Machine::running(&["raw"]);
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.attach(Policy::Refuse);
    machine.pass(9_000);
    assert!(machine.events.is_empty());
    machine.pass(2_000);
    assert_eq!(machine.expect(EventKind::Failed).a, Failure::ProbeDeadline as u64);
}

#[test]
fn report_of_an_earlier_generation_is_nobodys() {
    let mut machine = Machine::running(&["raw"]);
    for _ in 0..2 {
        machine.update(RECORD, Policy::Refuse);
        machine.expect(EventKind::Enabled);
        machine.work_until_idle();
    }
    // Side of the generation before last: its report stands there until root clears the page.
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.attach(Policy::Refuse);
    machine.ring();
    assert!(machine.events.is_empty() && matches!(machine.mode(), Mode::Waiting { .. }));
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
}
