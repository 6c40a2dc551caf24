//! What a client may ask for: overlaps, invalid and greedy requests, errors of the device.

use device_class::block::*;
use shared_ring::page::Page;
use shared_ring::requests::Nobody;

use crate::world::driver::done;
use crate::world::*;

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
    let (label, _) = machine.ask(0, 1, [0; 2]).unwrap();
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
    client.commit(&mut Nobody);
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
    machine.clients[0].session.commit(&mut Nobody);
    machine.ring();
    let completion = machine.clients[0].session.poll().unwrap().unwrap();
    assert_eq!((completion.id, completion.status), (5, Status::Invalid));
    assert_eq!(machine.clients[0].session.poll(), Ok(None));
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
        machine.clients[0].session.commit(&mut Nobody);
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
    let (label, _) = machine.ask(0, 1, [0; 2]).unwrap();
    assert_eq!(CallReply::from_label(label), CallReply::Ok);
    machine.clients[0].session.commit(&mut Nobody);
    machine.ring();
    machine.driver_takes();
    (0..64).for_each(|_| machine.driver_answers(0));
    assert!(machine.clients[0].session.poll().unwrap().is_some());
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
