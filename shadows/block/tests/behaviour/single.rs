//! Requests one at a time: the shadow's short way, and its death on it.

use device_class::block::*;
use shadow::slot::{Mode, detail};
use supervision::shadow::{CommandKind, EventKind, Failure, Flow, Policy};

use crate::world::driver::done;
use crate::world::*;

const SESSIONS: [&str; 2] = ["raw", "files"];

/// Of each client some, each answered before the next is sent; all of one client are about the same block.
const REQUESTS: [(usize, Op); 8] = [
    (0, Op::Write),
    (0, Op::Write),
    (0, Op::Read),
    (1, Op::Write),
    (1, Op::Write),
    (0, Op::Flush),
    (1, Op::Read),
    (0, Op::Read),
];

fn down(machine: &mut Machine, (client, op): (usize, Op)) {
    assert!(machine.submit(client, op, 0, u32::from(op.has_data())));
    machine.exchange();
}

fn up(machine: &mut Machine) {
    machine.driver_takes();
    machine.driver_answers(0);
}

/// A link's flag goes down and up again on the general way only.
#[test]
fn single_request_takes_the_short_way() {
    let of = |thorough: bool| {
        let mut machine = Machine::running(&SESSIONS);
        machine.thorough = thorough;
        // The first has a deadline set for it.
        down(&mut machine, REQUESTS[0]);
        up(&mut machine);
        let down = mortal::effects(|| down(&mut machine, REQUESTS[0]));
        [down, mortal::effects(|| up(&mut machine))]
    };
    let (short, general) = (of(false), of(true));
    let is_shorter = |(short, general): (&u64, u64)| *short + 2 <= general;
    assert!(short.iter().zip(general).all(is_shorter), "{short:?} {general:?}");
}

/// One by one more than there is room for: in a session, in the table, in the ring of who takes no answers. After each, who never takes the
/// short way stands the same.
#[test]
fn single_requests_stop_where_there_is_no_room_for_more() {
    for (sessions, first, unread) in [(1, 64, 0), (2, 64, 0), (2, 54, 0), (1, 64, 20)] {
        let mut machines = [false, true].map(|thorough| {
            let mut machine = Machine::running(&SESSIONS[..sessions]);
            (machine.thorough, machine.env.still) = (thorough, true);
            // The first of a driver goes the general way.
            down(&mut machine, REQUESTS[0]);
            up(&mut machine);
            machine.exchange();
            machine
        });
        let each = |machines: &mut [Machine; 2], act: &dyn Fn(&mut Machine)| {
            machines.iter_mut().for_each(act);
            assert!(
                machines[0].seen() == machines[1].seen(),
                "{sessions} {first} {unread}"
            );
        };
        for client in 0..sessions {
            for block in 0..if client == 0 { first } else { 64 } {
                each(&mut machines, &|machine| {
                    assert!(machine.submit(client, Op::Read, block, 1));
                    machine.hand_over(client);
                });
                each(&mut machines, &|machine| machine.driver_takes());
                if block < unread {
                    each(&mut machines, &|machine| machine.driver_answers(0));
                }
            }
        }
        for _ in 0..64 * sessions {
            each(&mut machines, &|machine| machine.driver_answers(0));
            each(&mut machines, &|machine| machine.exchange());
            each(&mut machines, &|machine| machine.driver_takes());
        }
        let idle = |machine: &Machine| machine.clients.iter().all(|client| client.in_flight.is_empty());
        assert!(machines.iter().all(idle), "{sessions} {first} {unread}");
    }
}

#[test]
fn death_at_any_effect_of_a_single_request_is_noticed_by_nobody() {
    for at in 0.. {
        let mut machine = Machine::running(&SESSIONS);
        // The next life ends over recovery, or soon after it.
        machine.lives = [vec![], vec![at % 7], vec![at % 61]][(at % 3) as usize].clone();
        mortal::arm(Some(at));
        for request in REQUESTS {
            down(&mut machine, request);
            up(&mut machine);
            machine.exchange();
        }
        mortal::arm(None);
        for (client, (_, start, _)) in machine.clients.iter().zip(gpt::PARTITIONS) {
            assert!(client.in_flight.is_empty(), "death at {at}");
            let statuses = client.statuses();
            assert!(
                statuses.iter().all(|status| *status == Status::Ok),
                "death at {at}: {statuses:?}"
            );
            client.check_disk(&machine.disk, start);
        }
        assert!(machine.events.is_empty(), "death at {at}: {:?}", machine.events);
        assert_eq!(machine.mode(), Mode::Passive, "death at {at}");
        if machine.deaths == 0 {
            assert!(at > 80, "{at}");
            return;
        }
    }
}

/// What the running driver has lost is looked at in each request, also if it comes alone.
#[test]
fn single_request_that_reveals_a_loss_fails() {
    let mut machine = Machine::running(&["raw"]);
    let lossy = BlockCapabilities {
        max_transfer: 8,
        ..RECORD
    };
    machine.update(lossy, Policy::Degrade);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    // The first has a deadline set for it: without one no request is taken the short way.
    for count in [1, 1, 16] {
        assert!(machine.submit(0, Op::Read, 0, count));
        machine.exchange();
        up(&mut machine);
        machine.exchange();
    }
    let (ok, lost) = (Status::Ok, Status::CapabilityLost);
    assert_eq!(machine.clients[0].statuses(), [ok, ok, lost]);
}

/// A driver's answer is looked at as closely if it comes alone.
#[test]
fn single_answer_that_makes_no_sense_retires_the_driver() {
    type Lie = fn(&mut BlockResponse);
    let lies: [(Lie, u64); 5] = [
        (|answer| answer.generation -= 1, detail::GENERATION),
        // The same place in the table at another time, and another place.
        (|answer| answer.id ^= 64, detail::TAG),
        (|answer| answer.id ^= 1, detail::TAG),
        (|answer| answer.count += 1, detail::ANSWER),
        (|answer| answer.status = 77, detail::ANSWER),
    ];
    for (which, (lie, reason)) in lies.into_iter().enumerate() {
        let mut machine = Machine::running(&SESSIONS);
        down(&mut machine, REQUESTS[0]);
        up(&mut machine);
        machine.exchange();
        down(&mut machine, REQUESTS[0]);
        machine.driver_takes();
        let driver = machine.driver.as_mut().unwrap();
        let mut answer = done(&driver.pending[0]);
        lie(&mut answer);
        driver.answer(answer);
        let rings = driver.link.publish();
        machine.driver_rings(rings);
        machine.run();
        let retire = machine.expect(EventKind::Retire);
        assert_eq!(
            (retire.a, retire.b),
            (Failure::UnknownRequest as u64, reason),
            "{which}"
        );
        assert_eq!(machine.mode(), Mode::Active, "{which}");
        machine.exchange();
        assert_eq!(
            machine.clients[0].in_flight.len(),
            1,
            "{which}: nobody is told it"
        );
    }
}

/// A recording has what came alone too: each request and each answer.
#[test]
fn single_requests_are_recorded_when_the_operator_wants_it() {
    let mut machine = Machine::running(&["raw"]);
    // Without a deadline no request is taken the short way.
    down(&mut machine, REQUESTS[0]);
    up(&mut machine);
    machine.exchange();
    machine.command(CommandKind::Flow, Policy::Refuse, Flow::On as u64, 0, 0);
    let before = machine.env.traced.len();
    for _ in 0..3 {
        down(&mut machine, REQUESTS[0]);
        up(&mut machine);
        machine.exchange();
    }
    let recorded = machine.env.traced[before..].iter();
    let recorded = recorded.filter(|event| event.kind == trace::Kind::Flow as u16);
    assert_eq!(recorded.count(), 6);
}
