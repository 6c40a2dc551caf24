//! Swaps, step by step: what is answered, what is handed over again, what control hears.

use device_class::block::*;
use shadow::slot::Mode;
use supervision::shadow::{CommandKind, EventKind, Policy};
use trace::Kind;

use crate::world::driver::done;
use crate::world::*;

#[test]
fn client_opens_when_the_first_driver_has_shown_the_table() {
    let mut machine = Machine::new(&["raw", "", "no such"]);
    let ask = |machine: &mut Machine, n: usize| {
        let (label, words) = machine.ask(n, 1, [0; 2]).unwrap();
        (CallReply::from_label(label), words)
    };
    assert_eq!(ask(&mut machine, 0).0, CallReply::NotReady);
    machine.attach(Policy::First);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    let expected = |capacity| ClientInfo {
        capacity,
        block_size: 512,
        flags: RECORD.flags,
        max_transfer: 64,
    };
    assert_eq!(ask(&mut machine, 0), (CallReply::Ok, expected(256).to_words()));
    assert_eq!(
        ask(&mut machine, 1),
        (CallReply::Ok, expected(CAPACITY).to_words())
    );
    assert_eq!(ask(&mut machine, 2).0, CallReply::NoPartition);
    let (label, _) = machine.ask(0, 99, [0; 2]).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::Denied);
    assert_eq!(machine.shadow.call(1, 1, [0; 2]), None, "a driver's channel");
}

#[test]
fn undrained_requests_go_to_the_new_driver_in_order() {
    let mut machine = Machine::running(&["raw", "files"]);
    load(&mut machine, 0, 0..6);
    machine.driver_answers(3);
    let now = machine.now();
    machine.command(CommandKind::Quiesce, Policy::Refuse, now + 1_000, 0, 0);
    assert!(matches!(machine.mode(), Mode::Draining { .. }));
    machine.driver_answers(0);
    assert!(machine.submit(1, Op::Read, 9, 1));
    machine.exchange();
    machine.pass(2_000);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b, quiesced.transaction), (5, 4, 77));
    assert_eq!(machine.mode(), Mode::Active);
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    let enabled = machine.expect(EventKind::Enabled);
    assert_eq!((enabled.c, enabled.generation), (4 << 32 | 1, 2));
    assert!(
        enabled.a > now && enabled.a < now + 1_000 && enabled.b > now + 2_000,
        "blackout: from the order to the first request of the new one"
    );
    machine.driver_takes();
    let taken: Vec<(u16, u64)> = machine
        .driver
        .as_ref()
        .unwrap()
        .taken
        .iter()
        .map(|r| (r.region, r.block))
        .collect();
    // Blocks 0 and 3 were answered. The shadow's own look at the table comes last.
    assert_eq!(
        taken,
        [(0, 65), (0, 66), (0, 68), (0, 69), (1, 329), (SCRATCH, 0)]
    );
    machine.work_until_idle();
    assert_eq!(machine.clients[0].statuses(), [Status::Ok; 6]);
    machine.clients[0].check_disk(&machine.disk, 64);
    let first = |e: &&trace::Event| e.kind == Kind::FirstCompletion as u16 && e.generation == 2;
    assert_eq!(machine.env.traced.iter().filter(first).count(), 1);
}

#[test]
fn drained_driver_is_quiesced_before_the_deadline() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    machine.drain(Policy::Refuse, 100_000);
    (0..3).for_each(|_| machine.driver_answers(0));
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (3, 0));
}

#[test]
fn what_the_driver_has_had_for_long_is_not_waited_for() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    machine.pass(200);
    let until = machine.now() + 100_000;
    machine.command(CommandKind::Quiesce, Policy::Refuse, until, 100, 0);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (3, 3));
    assert!((200..300).contains(&quiesced.c), "{}", quiesced.c);
}

#[test]
fn what_the_driver_has_just_got_is_waited_for_until_it_has_had_it_for_long() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    let until = machine.now() + 100_000;
    machine.command(CommandKind::Quiesce, Policy::Refuse, until, 1_000, 0);
    machine.pass(500);
    assert!(machine.events.is_empty());
    machine.driver_answers(0);
    machine.pass(600);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (3, 2));
    assert!(quiesced.c < 100, "{}", quiesced.c);
}

#[test]
fn driver_whose_answers_take_longer_than_they_would_be_waited_for_is_not_waited_for() {
    let mut machine = Machine::running(&["raw"]);
    // What a driver was quick with, and then what it is slow with.
    for (pause, undrained) in [(1, 0), (50_000, 3)] {
        load(&mut machine, 0, 0..8);
        machine.pass(pause);
        (0..8).for_each(|_| machine.driver_answers(0));
        machine.exchange();
        load(&mut machine, 0, 0..3);
        let until = machine.now() + 100_000;
        machine.command(CommandKind::Quiesce, Policy::Refuse, until, 1_000, 0);
        let waits = matches!(machine.mode(), Mode::Draining { .. });
        assert_eq!(waits, undrained == 0, "{pause}");
        (0..3).for_each(|_| machine.driver_answers(0));
        let quiesced = machine.expect(EventKind::Quiesced);
        assert_eq!((quiesced.a, quiesced.b), (3, undrained), "{pause}");
        machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
        machine.expect(EventKind::Enabled);
        machine.exchange();
    }
}

#[test]
fn slow_answers_of_the_driver_before_say_nothing_of_the_next_one() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..8);
    machine.pass(50_000);
    (0..8).for_each(|_| machine.driver_answers(0));
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    // Its answer to the table is its first.
    machine.driver_takes();
    machine.driver_answers(0);
    machine.exchange();
    load(&mut machine, 0, 0..3);
    let until = machine.now() + 100_000;
    machine.command(CommandKind::Quiesce, Policy::Refuse, until, 1_000, 0);
    assert!(matches!(machine.mode(), Mode::Draining { .. }));
}

#[test]
fn answers_that_are_there_at_the_order_count_even_if_nothing_is_waited_for() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..8);
    machine.pass(50_000);
    (0..7).for_each(|_| machine.driver_answers(0));
    let driver = machine.driver.as_mut().unwrap();
    let request = driver.pending.remove(0);
    driver.answer(done(&request));
    // He has not told of it yet.
    let _ = driver.link.publish();
    let until = machine.now() + 100_000;
    machine.command(CommandKind::Quiesce, Policy::Refuse, until, 1_000, 0);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (1, 0));
}

#[test]
fn blackout_of_a_loss_begins_with_the_last_request() {
    let mut machine = Machine::running(&["raw"]);
    let before = machine.now();
    load(&mut machine, 0, 0..3);
    machine.pass(5_000);
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    let enabled = machine.expect(EventKind::Enabled);
    assert!((before..before + 1_000).contains(&enabled.a));
}

#[test]
fn resume_feeds_the_same_driver_again_without_repeating_anything() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    machine.drain(Policy::Refuse, 10);
    machine.pass(100);
    machine.expect(EventKind::Quiesced);
    machine.submit(0, Op::Write, 10, 1);
    machine.exchange();
    machine.driver_answers(0);
    assert_eq!(
        machine.clients[0].answered.len(),
        0,
        "not listened to while impersonating"
    );
    machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
    let enabled = machine.expect(EventKind::Enabled);
    assert_eq!(
        (enabled.a, enabled.b, enabled.c, enabled.generation),
        (0, 0, 0, 1)
    );
    machine.work_until_idle();
    assert_eq!(machine.clients[0].statuses(), [Status::Ok; 4]);
    assert_eq!(
        machine
            .driver
            .as_ref()
            .unwrap()
            .taken
            .iter()
            .filter(|r| r.region == 0)
            .count(),
        4
    );
}

#[test]
fn late_answers_of_the_old_generation_are_not_taken() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    let mut ghost = machine.cut().unwrap();
    machine.attach(Policy::Refuse);
    // It still has its page, and says that all is done.
    for request in ghost.pending.clone() {
        ghost.answer(done(&request));
    }
    let _ = ghost.link.publish();
    machine.ring();
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.ring();
    machine.exchange();
    assert_eq!(machine.clients[0].answered.len(), 0);
    machine.work_until_idle();
    machine.clients[0].check_disk(&machine.disk, 64);
    assert!(machine.events.is_empty());
}

#[test]
fn without_a_driver_requests_fail_when_patience_ends() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..2);
    machine.cut();
    machine.command(CommandKind::Offline, Policy::Refuse, 5_000, 0, 0);
    machine.exchange();
    assert_eq!(machine.clients[0].answered.len(), 0);
    machine.pass(6_000);
    machine.exchange();
    assert_eq!(machine.clients[0].statuses(), [Status::Offline; 2]);
    machine.submit(0, Op::Read, 1, 1);
    machine.exchange();
    machine.exchange();
    assert_eq!(machine.clients[0].statuses(), [Status::Offline; 3]);
    // The device may still use what it was handed, until another driver has it.
    let label = |machine: &mut Machine| CallReply::from_label(machine.ask(0, 1, [0; 2]).unwrap().0);
    assert_eq!(label(&mut machine), CallReply::NotReady);
    machine.attach(Policy::Refuse);
    assert_eq!(label(&mut machine), CallReply::NotReady);
    machine.restart();
    assert_eq!(label(&mut machine), CallReply::NotReady);
    machine.env.rung.clear();
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    assert!(machine.env.rung.contains(&machine.clients[0].channel));
    assert_eq!(label(&mut machine), CallReply::Ok);
    machine.submit(0, Op::Flush, 0, 0);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].statuses()[3], Status::Ok);
}

#[test]
fn gap_is_reported_at_the_end_of_the_transaction() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    machine.command(CommandKind::BeginGap, Policy::Refuse, 0, 0, 0);
    machine.driver_answers(0);
    machine.pass(500);
    machine.driver_answers(0);
    machine.driver_answers(0);
    machine.command(CommandKind::EndGap, Policy::Refuse, 0, 0, 0);
    let gap = machine.expect(EventKind::Gap);
    assert!((500..600).contains(&gap.a), "{gap:?}");
    assert_eq!(gap.b, 3);
}
