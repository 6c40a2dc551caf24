//! Swaps, step by step: what is answered, what is handed over again, what control hears.

mod world;

use device_class::block::*;
use device_class::report::{DriverReport, STATE_FAILED, STATE_READY};
use shadow::slot::{Mode, detail};
use shared_ring::page::Page;
use supervision::shadow::{CommandKind, EventKind, Failure, Policy};
use trace::Kind;
use world::driver::done;
use world::*;

/// Writes of one block each, handed over and taken by the driver.
fn load(machine: &mut Machine, client: usize, blocks: std::ops::Range<u64>) {
    for block in blocks {
        assert!(machine.submit(client, Op::Write, block, 1));
    }
    machine.exchange();
    machine.driver_takes();
}

#[test]
fn client_opens_when_the_first_driver_has_shown_the_table() {
    let mut machine = Machine::new(&["raw", "", "no such"]);
    let ask = |machine: &mut Machine, n: usize| {
        let (label, words) = machine.shadow.call(machine.clients[n].channel, 1).unwrap();
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
    let (label, _) = machine.shadow.call(machine.clients[0].channel, 99).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::Denied);
    assert_eq!(machine.shadow.call(1, 1), None, "a driver's channel");
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
        enabled.a < now && enabled.b > now + 2_000,
        "blackout: last old, first new"
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
    machine.command(
        CommandKind::Quiesce,
        Policy::Refuse,
        machine.now() + 100_000,
        0,
        0,
    );
    (0..3).for_each(|_| machine.driver_answers(0));
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (3, 0));
}

#[test]
fn resume_feeds_the_same_driver_again_without_repeating_anything() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..3);
    machine.command(CommandKind::Quiesce, Policy::Refuse, machine.now() + 10, 0, 0);
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
    machine
        .raw_page_of_driver()
        .store32(shared_ring::HEAD, 1_000_000, std::sync::atomic::Ordering::SeqCst);
    // Its head is only looked at when space is needed.
    for block in 0..60 {
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
    machine.command(
        CommandKind::Quiesce,
        Policy::Refuse,
        machine.now() + 1_000_000,
        0,
        0,
    );
    let driver = machine.driver.as_mut().unwrap();
    driver.answer(BlockResponse::default());
    let _ = driver.link.publish();
    machine.ring();
    machine.expect(EventKind::Quiesced);
    machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Retire);
}

#[test]
fn lost_capability_is_refused_and_the_old_driver_serves_on() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        ..RECORD
    };
    machine.update(lossy, Policy::Refuse);
    let refused = machine.expect(EventKind::Refused);
    assert_eq!(refused.a, u64::from(LOST_FLUSH | LOST_DURABILITY));
    assert_eq!(machine.mode(), Mode::Active);
    assert!(
        machine.driver.as_ref().unwrap().taken.is_empty(),
        "it gets no request"
    );
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    assert_eq!(machine.expect(EventKind::Enabled).c, 4 << 32);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].statuses(), [Status::Ok; 4]);
}

#[test]
fn degraded_driver_fails_only_what_reveals_the_loss() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..2);
    machine.submit(0, Op::Flush, 0, 0);
    machine.submit(0, Op::Read, 20, 8);
    machine.exchange();
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        max_transfer: 8,
        ..RECORD
    };
    machine.update(lossy, Policy::Degrade);
    assert_eq!(
        machine.expect(EventKind::Enabled).c >> 32,
        3,
        "the flush is not resubmitted"
    );
    machine.work_until_idle();
    machine.submit(0, Op::Flush, 0, 0);
    machine.submit(0, Op::Write, 0, 1);
    machine.work_until_idle();
    let mut answered = machine.clients[0].answered.clone();
    answered.sort_by_key(|(op, _)| *op as u8);
    let (ok, lost) = (Status::Ok, Status::CapabilityLost);
    let writes = [(Op::Write, ok); 3];
    assert_eq!(
        answered,
        [&[(Op::Read, ok)][..], &writes, &[(Op::Flush, lost); 2]].concat()
    );
    // Better again: clients were told so all the time.
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.submit(0, Op::Flush, 0, 0);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].answered.last(), Some(&(Op::Flush, Status::Ok)));
}

/// Of a driver that writes through.
const THROUGH: BlockCapabilities = BlockCapabilities {
    flags: RECORD.flags & !CAP_WRITE_BACK,
    ..RECORD
};

fn accepted(machine: &mut Machine, record: BlockCapabilities, policy: Policy) {
    machine.update(record, policy);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
}

/// The update loses durability: the driver of before comes back.
fn refused(machine: &mut Machine, new: BlockCapabilities, old: BlockCapabilities) {
    machine.update(new, Policy::Refuse);
    assert_eq!(machine.expect(EventKind::Refused).a, u64::from(LOST_DURABILITY));
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(old);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
}

#[test]
fn what_clients_were_never_told_of_is_not_lost() {
    let mut machine = Machine::running(&["raw", "files"]);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    accepted(&mut machine, RECORD, Policy::Refuse);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    // One of them asks again, and may rely on the answer from then on.
    machine.open(1);
    refused(&mut machine, RECORD, THROUGH);
    // By force it is so, and it asks once more.
    accepted(&mut machine, RECORD, Policy::Force);
    machine.open(1);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    accepted(&mut machine, RECORD, Policy::Refuse);
}

#[test]
fn what_an_update_took_by_force_is_not_lost_again_until_it_has_been_back() {
    let mut machine = Machine::new(&["raw"]);
    machine.attach(Policy::First);
    machine.start(THROUGH);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    machine.open(0);
    refused(&mut machine, RECORD, THROUGH);
    accepted(&mut machine, RECORD, Policy::Force);
    accepted(&mut machine, RECORD, Policy::Refuse);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    refused(&mut machine, RECORD, THROUGH);
}

#[test]
fn client_that_asks_a_degraded_driver_is_told_what_there_is() {
    let mut machine = Machine::running(&["raw"]);
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        ..RECORD
    };
    accepted(&mut machine, lossy, Policy::Degrade);
    let flush = |machine: &mut Machine| {
        machine.submit(0, Op::Flush, 0, 0);
        machine.work_until_idle();
        machine.clients[0].answered.last().copied()
    };
    assert_eq!(flush(&mut machine), Some((Op::Flush, Status::CapabilityLost)));
    machine.open(0);
    assert_eq!(flush(&mut machine), Some((Op::Flush, Status::Unsupported)));
}

#[test]
fn no_policy_accepts_another_block_size() {
    for policy in [Policy::Refuse, Policy::Degrade, Policy::Force, Policy::First] {
        let mut machine = Machine::running(&["raw"]);
        machine.update(
            BlockCapabilities {
                block_size: 4096,
                ..RECORD
            },
            policy,
        );
        assert_eq!(machine.expect(EventKind::Refused).a, u64::from(LOST_BLOCK_SIZE));
    }
}

#[test]
fn report_that_an_old_generation_left_in_its_successors_name_is_not_believed() {
    let mut machine = Machine::running(&["raw"]);
    assert!(machine.submit(0, Op::Write, 3, 1));
    // The first generation guesses who will have its page next, and says that this one works.
    let mut forged = Driver::report(3, STATE_READY, 0, &RECORD);
    forged.heartbeat = 1;
    machine.driver.as_mut().unwrap().link.write_info(&forged);
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    machine.command(CommandKind::Quiesce, Policy::Refuse, machine.now() + 5_000, 0, 0);
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
        Driver::report(generation, 1, 0, &RECORD)
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
        failure(|g| Driver::report(g, STATE_FAILED, 42, &RECORD)),
        (Failure::Probe as u64, 42)
    );
    assert_eq!(failure(|g| Driver::report(g + 1, 1, 0, &RECORD)), (bad, 1));
    assert_eq!(failure(|g| Driver::report(g, 9, 0, &RECORD)).0, bad);
    let insane = |g| {
        Driver::report(
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

#[test]
fn overlapping_requests_of_a_session_are_not_with_the_driver_together() {
    let mut machine = Machine::running(&["raw", ""]);
    machine.submit(0, Op::Write, 0, 4);
    machine.submit(0, Op::Read, 3, 2);
    machine.submit(0, Op::Write, 4, 1);
    machine.submit(0, Op::Read, 10, 1);
    machine.submit(0, Op::Read, 10, 1);
    machine.submit(0, Op::Flush, 0, 0);
    // Another session is another matter.
    machine.submit(1, Op::Write, 65, 1);
    machine.exchange();
    let taken = |machine: &mut Machine| -> Vec<(u8, u64)> {
        machine.driver_takes();
        std::mem::take(&mut machine.driver.as_mut().unwrap().taken)
            .iter()
            .map(|r| (r.op, r.block))
            .collect()
    };
    machine.driver.as_mut().unwrap().taken.clear();
    let (read, write, flush) = (Op::Read as u8, Op::Write as u8, Op::Flush as u8);
    assert_eq!(
        taken(&mut machine),
        [(write, 64), (read, 74), (read, 74), (flush, 0), (write, 65)]
    );
    machine.driver_answers(0);
    assert_eq!(taken(&mut machine), [(read, 67)]);
    let last = machine.driver.as_ref().unwrap().pending.len() - 1;
    machine.driver_answers(last);
    assert_eq!(taken(&mut machine), [(write, 68)]);
}

#[test]
fn clients_that_break_the_rules_lose_their_own_session() {
    let mut machine = Machine::running(&["raw", "files"]);
    load(&mut machine, 0, 0..3);
    machine
        .raw_page_of_client(0)
        .store32(shared_ring::TAIL, 77_777, std::sync::atomic::Ordering::SeqCst);
    machine.ring();
    load(&mut machine, 1, 0..3);
    machine.work_until_idle();
    assert_eq!(machine.clients[1].statuses(), [Status::Ok; 3]);
    assert_eq!(machine.clients[0].answered.len(), 0);
    let (label, _) = machine.shadow.call(machine.clients[0].channel, 1).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::Ended);
    assert!(machine.events.is_empty(), "no driver suffers from it");
}

#[test]
fn invalid_requests_are_answered_and_never_reach_a_driver() {
    let mut machine = Machine::running(&["raw"]);
    let before = machine.driver.as_ref().unwrap().taken.len();
    let client = &mut machine.clients[0].session;
    client.submit(Op::Read, 256, 1, 0, 1).unwrap();
    client.submit(Op::Read, u64::MAX, 2, 0, 2).unwrap();
    client.submit(Op::Read, 0, 65, 0, 3).unwrap();
    client.submit(Op::Write, 0, 1, 1, 4).unwrap();
    client.submit(Op::Read, 0, 1, DATA as u64, 5).unwrap();
    struct Silent;
    impl Peer for Silent {
        fn notify(&mut self) {}
        fn wait(&mut self) {}
    }

    impl Port for Silent {
        fn call(&mut self, _: u64) -> (u64, [u64; 4]) {
            (0, [0; 4])
        }
    }
    client.commit(&mut Silent);
    machine.ring();
    let client = &mut machine.clients[0].session;
    let mut answers = Vec::new();
    while let Some(completion) = client.poll().unwrap() {
        answers.push((completion.id, completion.status));
    }
    use Status::{Invalid, OutOfRange};
    assert_eq!(
        answers,
        [
            (1, OutOfRange),
            (2, OutOfRange),
            (3, Invalid),
            (4, Invalid),
            (5, OutOfRange)
        ]
    );
    machine.driver_takes();
    assert_eq!(machine.driver.as_ref().unwrap().taken.len(), before);
}

#[test]
fn name_in_use_is_invalid() {
    let mut machine = Machine::running(&["raw"]);
    let client = &mut machine.clients[0].session;
    for (id, block) in [(5, 0), (69, 1), (5, 2)] {
        client.submit(Op::Read, block, 1, 0, id).unwrap();
    }
    machine.clients[0].session.commit(&mut Quiet);
    machine.ring();
    let completion = machine.clients[0].session.poll().unwrap().unwrap();
    assert_eq!((completion.id, completion.status), (5, Status::Invalid));
    assert_eq!(machine.clients[0].session.poll(), Ok(None));
}

struct Quiet;
impl Peer for Quiet {
    fn notify(&mut self) {}
    fn wait(&mut self) {}
}

impl Port for Quiet {
    fn call(&mut self, _: u64) -> (u64, [u64; 4]) {
        (0, [0; 4])
    }
}

#[test]
fn greedy_session_leaves_room_for_the_others() {
    let mut machine = Machine::running(&["raw", "files"]);
    for block in 0..64 {
        machine.submit(0, Op::Read, block, 1);
    }
    machine.exchange();
    for block in 0..8 {
        machine.submit(1, Op::Read, block, 1);
    }
    machine.exchange();
    machine.driver_takes();
    let taken = &machine.driver.as_ref().unwrap().pending;
    assert_eq!(taken.iter().filter(|r| r.region == 1).count(), 8);
    machine.work_until_idle();
    assert_eq!(
        (
            machine.clients[0].answered.len(),
            machine.clients[1].answered.len()
        ),
        (64, 8)
    );
}

#[test]
fn client_that_does_not_collect_is_not_served_on() {
    let mut machine = Machine::running(&["raw"]);
    for round in 0..3 {
        for id in 0..64 {
            let submitted = machine.clients[0]
                .session
                .submit(Op::Read, id, 1, 0, id as u32 + 64 * round);
            if submitted.is_err() {
                break;
            }
        }
        machine.clients[0].session.commit(&mut Quiet);
        machine.ring();
        for _ in 0..100 {
            machine.driver_takes();
            machine.driver_answers(0);
        }
    }
    assert!(machine.events.is_empty());
    let mut collected = 0;
    while machine.clients[0].session.poll().unwrap().is_some() {
        collected += 1;
    }
    assert_eq!(collected, 64, "no more than fit");
    // It may have been slow; it has broken no rule.
    let (label, _) = machine.shadow.call(machine.clients[0].channel, 1).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::Ok);
    machine.clients[0].session.commit(&mut Quiet);
    machine.ring();
    machine.driver_takes();
    (0..64).for_each(|_| machine.driver_answers(0));
    assert!(machine.clients[0].session.poll().unwrap().is_some());
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
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
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

#[test]
fn changed_partition_table_retires_the_driver() {
    let mut machine = Machine::running(&["raw"]);
    gpt::write(&machine.disk, &[("raw", 65, 319), ("files", 320, 575)]);
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.expect(EventKind::Retire).a, Failure::Changed as u64);
}

#[test]
fn table_that_a_client_may_have_rewritten_proves_nothing() {
    let mut machine = Machine::running(&["raw", ""]);
    machine.submit(1, Op::Write, 0, 4);
    machine.work_until_idle();
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert!(machine.events.is_empty());
}

#[test]
fn unreadable_table_opens_the_whole_device_only() {
    let mut machine = Machine::new(&["raw", ""]);
    machine.attach(Policy::First);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    for _ in 0..5 {
        machine.driver_takes();
        let driver = machine.driver.as_mut().unwrap();
        for request in std::mem::take(&mut driver.pending) {
            driver.answer(BlockResponse {
                status: Status::IoError as u8,
                ..done(&request)
            });
        }
        let _ = driver.link.publish();
        machine.ring();
    }
    assert_eq!(machine.driver.as_ref().unwrap().taken.len(), 3, "three attempts");
    let reply = |machine: &mut Machine, n: usize| {
        CallReply::from_label(machine.shadow.call(machine.clients[n].channel, 1).unwrap().0)
    };
    assert_eq!(reply(&mut machine, 0), CallReply::NoPartition);
    assert_eq!(reply(&mut machine, 1), CallReply::Ok);
}

#[test]
fn errors_of_the_device_reach_the_client_that_asked() {
    let mut machine = Machine::running(&["raw", "files"]);
    load(&mut machine, 0, 0..1);
    load(&mut machine, 1, 0..1);
    let driver = machine.driver.as_mut().unwrap();
    let pending = std::mem::take(&mut driver.pending);
    for request in &pending {
        let status = if request.region == 0 {
            Status::IoError
        } else {
            Status::Ok
        };
        driver.answer(BlockResponse {
            status: status as u8,
            ..done(request)
        });
    }
    let _ = driver.link.publish();
    machine.ring();
    machine.exchange();
    assert_eq!(machine.clients[0].statuses(), [Status::IoError]);
    assert_eq!(machine.clients[1].statuses(), [Status::Ok]);
}
