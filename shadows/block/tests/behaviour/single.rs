//! Requests one at a time: the shadow's short way, and its death on it.

use device_class::block::*;
use shadow::slot::Mode;

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
