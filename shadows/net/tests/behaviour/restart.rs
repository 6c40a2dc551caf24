//! The shadow dies at each of its effects.

use std::ops::Range;

use device_class::net::*;
use supervision::shadow::{CommandKind, EventKind, Policy};

use crate::world::client::{frame, mark};
use crate::world::{Machine, OUTSIDE, RECORD, mortal};

/// Traffic both ways and an update in the middle; the shadow dies before its effect number `effects`. Effects that it had left.
fn story(effects: u64) -> Option<u64> {
    let mut machine = Machine::running(2);
    let address = machine.clients[1].address;
    mortal::arm(Some(effects));
    let mut came = Vec::new();
    let mut arrive = |machine: &mut Machine, numbers: Range<u32>| {
        let to = |number: u32| match number.is_multiple_of(3) {
            true => BROADCAST,
            false => address,
        };
        let frames: Vec<_> = numbers
            .clone()
            .map(|number| frame(to(number), OUTSIDE, number))
            .collect();
        came.extend(numbers.take(machine.arrive_together(&frames)));
    };
    for _ in 0..3 {
        machine.clients[0].ask();
        machine.clients[1].ask();
    }
    machine.exchange();
    machine.driver_takes();
    arrive(&mut machine, 0..1);
    machine.send_one(true);
    machine.send_one(false);
    arrive(&mut machine, 1..2);
    machine.exchange();
    machine.filter_quietly(0, 4);
    machine.driver_takes();
    machine.driver = None;
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.attach(Policy::Refuse);
    machine.clients[1].ask();
    machine.exchange();
    machine.start(RECORD);
    machine.work_until_idle();
    arrive(&mut machine, 2..3);
    arrive(&mut machine, 3..4);
    machine.work_until_idle();
    // As a run.
    arrive(&mut machine, 4..9);
    machine.work_until_idle();
    let left = mortal::left();
    mortal::arm(None);
    check(&mut machine, &came);
    left
}

fn check(machine: &mut Machine, came: &[u32]) {
    assert!(
        came.iter().copied().eq(0..9),
        "there was a buffer for each: {came:?}"
    );
    for (index, client) in machine.clients.iter().enumerate() {
        assert_eq!(client.sent, vec![Status::Ok; client.asked as usize], "each once");
        let mut numbers: Vec<u32> = machine
            .wire
            .iter()
            .map(|frame| mark(frame))
            .filter(|(source, _)| *source == client.address)
            .map(|(_, number)| number)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..client.asked).collect::<Vec<_>>(), "none lost");
        let mut received = client.numbers();
        received.dedup();
        let expected: &[u32] = if index == 0 {
            &[0, 3, 6]
        } else {
            &[0, 1, 2, 3, 4, 5, 6, 7, 8]
        };
        assert_eq!(received, expected, "none lost, in order, at worst twice");
        assert_eq!(
            client.session.posted() + client.received.len(),
            16,
            "no buffer is lost"
        );
    }
    let told = machine.driver.as_ref().unwrap().filter.unwrap();
    assert_eq!(told.offset, 4, "the last driver knows what clients want");
}

#[test]
fn death_at_any_effect_loses_no_frame_and_no_buffer() {
    let mut deaths = 0;
    for effects in 0.. {
        if story(effects).is_some() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 300, "{deaths}");
}

#[test]
fn predecessors_filter_is_the_successors() {
    let mut machine = Machine::running(2);
    machine.filter(1, FILTER_ALL_GROUPS, 0);
    machine.work_until_idle();
    machine.restart();
    machine.ring();
    machine.work_until_idle();
    let group = Address([1, 2, 3, 4, 5, 6]);
    machine.arrive(&frame(group, OUTSIDE, 1));
    machine.work_until_idle();
    assert_eq!(machine.clients[1].numbers(), [1]);
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    machine.arrive(&frame(group, OUTSIDE, 2));
    machine.work_until_idle();
    assert_eq!(machine.clients[1].numbers(), [1, 2]);
}
