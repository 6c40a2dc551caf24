//! The shadow dies, at any instruction that anybody could notice, and its successor goes on: every request is answered once,
//! control hears everything once, no driver is retired for it, and the disk ends as the clients believe.

use std::sync::atomic::Ordering::SeqCst;

use device_class::block::*;
use shadow::slot::Mode;
use shared_ring::page::Page;
use shared_ring::{HEAD, TAIL};
use supervision::shadow::{CommandKind, Event, EventKind, Policy};

use crate::world::*;

/// What control hears, but for the times in it: kind, generation, transaction.
type Heard = Vec<(u32, u32, u32)>;

fn note(heard: &mut Heard, event: Event) {
    heard.push((event.kind, event.generation, event.transaction));
}

/// Requests of both clients that overlap, in part with the driver and in part not yet.
fn load(machine: &mut Machine, round: u64) {
    for (client, block) in [(0, 0), (0, 2), (1, 4), (0, 1), (1, 5)] {
        assert!(machine.submit(client, Op::Write, 8 * (round % 4) + block, 3));
        assert!(machine.submit(client, Op::Read, 8 * (round % 4) + block, 4));
    }
    assert!(machine.submit(0, Op::Flush, 0, 0));
    machine.exchange();
    machine.driver_takes();
    machine.driver_answers(1);
    machine.exchange();
}

/// First driver, load, an update that does not drain, one that is refused, a loss, an order that is undone.
fn story(machine: &mut Machine) -> Heard {
    let mut heard = Vec::new();
    machine.attach(Policy::First);
    machine.start(RECORD);
    note(&mut heard, machine.expect(EventKind::Enabled));
    machine.work_until_idle();
    (0..2).for_each(|client| machine.open(client));
    machine.command(CommandKind::BeginGap, Policy::Refuse, 0, 0, 0);
    load(machine, 0);
    machine.drain(Policy::Refuse, 500);
    load(machine, 1);
    machine.pass(600);
    note(&mut heard, machine.expect(EventKind::Quiesced));
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    note(&mut heard, machine.expect(EventKind::Enabled));
    load(machine, 2);
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    note(&mut heard, machine.expect(EventKind::Quiesced));
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(BlockCapabilities { flags: 0, ..RECORD });
    note(&mut heard, machine.expect(EventKind::Refused));
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    note(&mut heard, machine.expect(EventKind::Enabled));
    load(machine, 3);
    machine.drain(Policy::Refuse, 500);
    machine.pass(600);
    note(&mut heard, machine.expect(EventKind::Quiesced));
    machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
    note(&mut heard, machine.expect(EventKind::Enabled));
    machine.command(CommandKind::EndGap, Policy::Refuse, 0, 0, 0);
    note(&mut heard, machine.expect(EventKind::Gap));
    machine.work_until_idle();
    heard
}

#[track_caller]
fn check(machine: &Machine, expected: &Heard, heard: &Heard, death: &str) {
    assert_eq!(heard, expected, "{death}");
    assert!(machine.events.is_empty(), "{death}: {:?}", machine.events);
    assert_eq!(machine.mode(), Mode::Passive, "{death}");
    for (client, (_, start, _)) in machine.clients.iter().zip(gpt::PARTITIONS) {
        assert!(client.in_flight.is_empty(), "{death}");
        assert!(
            client.statuses().iter().all(|status| *status == Status::Ok),
            "{death}"
        );
        client.check_disk(&machine.disk, start);
    }
}

const SESSIONS: [&str; 2] = ["raw", "files"];

#[test]
fn death_at_any_effect_is_noticed_by_nobody() {
    mortal::arm(Some(u64::MAX));
    let mut machine = Machine::new(&SESSIONS);
    mortal::arm(Some(u64::MAX));
    let expected = story(&mut machine);
    let effects = u64::MAX - mortal::left().unwrap();
    assert!(effects > 1000, "{effects}");
    check(&machine, &expected, &expected, "no death");
    for at in 0..effects {
        // The next lives end too: over recovery, or soon after it.
        let lives = [vec![], vec![at % 7], vec![at % 131, at % 29]][(at % 3) as usize].clone();
        let death = format!("death at effect {at} of {effects}, then {lives:?}");
        let mut machine = Machine::new(&SESSIONS);
        let count = lives.len();
        machine.lives = lives;
        mortal::arm(Some(at));
        let heard = story(&mut machine);
        mortal::arm(None);
        check(&machine, &expected, &heard, &death);
        assert!(machine.deaths > 0 && machine.deaths <= 1 + count, "{death}");
    }
}

#[test]
fn successor_repeats_nothing_that_the_driver_has() {
    let mut machine = Machine::running(&SESSIONS);
    let before = machine.driver.as_ref().unwrap().taken.len();
    load(&mut machine, 0);
    machine.restart();
    machine.work_until_idle();
    let taken = machine.driver.as_ref().unwrap().taken.len() - before;
    assert_eq!(taken, 11, "each request once");
    assert!(
        machine.rung_by_successor,
        "whoever slept while the predecessor died is notified"
    );
    assert_eq!(machine.mode(), Mode::Passive);
    assert_eq!(machine.events, []);
}

#[test]
fn promises_and_partitions_are_kept() {
    let mut machine = Machine::running(&["raw", "", "no such"][..2]);
    let ask = |machine: &mut Machine, client: usize| machine.ask(client, 1, [0; 2]);
    let before = [ask(&mut machine, 0), ask(&mut machine, 1)];
    machine.restart();
    assert_eq!([ask(&mut machine, 0), ask(&mut machine, 1)], before);
    machine.update(
        BlockCapabilities {
            capacity: CAPACITY - 1,
            ..RECORD
        },
        Policy::Refuse,
    );
    machine.expect(EventKind::Refused);
}

#[test]
fn what_each_session_was_told_is_kept() {
    let through = BlockCapabilities {
        flags: RECORD.flags & !CAP_WRITE_BACK,
        ..RECORD
    };
    for asks in [false, true] {
        let mut machine = Machine::running(&["raw", ""]);
        machine.update(through, Policy::Refuse);
        machine.expect(EventKind::Enabled);
        machine.work_until_idle();
        if asks {
            machine.open(0);
        }
        machine.restart();
        machine.update(RECORD, Policy::Refuse);
        machine.expect(if asks {
            EventKind::Refused
        } else {
            EventKind::Enabled
        });
    }
}

#[test]
fn client_without_a_partition_is_told_so_in_each_life() {
    let mut machine = Machine::new(&["no such"]);
    machine.attach(Policy::First);
    machine.start(RECORD);
    machine.work_until_idle();
    machine.restart();
    let (label, _) = machine.ask(0, 1, [0; 2]).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::NoPartition);
}

#[test]
fn rewritten_table_still_proves_nothing_after_a_death() {
    let mut machine = Machine::running(&[""]);
    assert!(machine.submit(0, Op::Write, 0, 1));
    machine.work_until_idle();
    machine.restart();
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.events, [], "nobody is retired");
}

#[test]
fn driver_that_answered_the_dead_is_held_to_what_it_said() {
    let mut machine = Machine::running(&SESSIONS);
    load(&mut machine, 0);
    let driver = machine.driver.as_mut().unwrap();
    let twice = driver.given[driver.given.len() - 1];
    driver.answer(twice);
    let _ = driver.link.publish();
    machine.restart();
    machine.ring();
    machine.expect(EventKind::Retire);
    assert_eq!(machine.mode(), Mode::Active);
}

#[test]
fn indices_that_peers_forge_between_two_lives_end_only_their_own() {
    for offset in [HEAD, TAIL] {
        for forged in [0, 1, 65, u32::MAX, 1 << 31] {
            let mut machine = Machine::running(&SESSIONS);
            load(&mut machine, 0);
            machine.raw_page_of_client(0).store32(offset, forged, SeqCst);
            machine.restart();
            for _ in 0..20 {
                machine.driver_takes();
                machine.driver_answers(0);
            }
            machine.clients.swap_remove(0);
            machine.work_until_idle();
            assert!(machine.clients[0].in_flight.is_empty());
            assert_eq!(machine.mode(), Mode::Passive);
        }
    }
}
