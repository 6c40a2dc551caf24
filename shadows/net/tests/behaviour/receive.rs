//! Frames from the network.

use device_class::net::*;

use crate::world::client::frame;
use crate::world::{DEVICE, Machine, OUTSIDE, REQUEST_DEADLINE};
use shadow::slot::Mode;
use supervision::shadow::EventKind;

const GROUP: Address = Address([1, 0, 0x5e, 0, 0, 0xfb]);
const STRANGER: Address = Address([2, 9, 9, 9, 9, 9]);

fn received(machine: &mut Machine) -> Vec<Vec<u32>> {
    machine.work_until_idle();
    machine
        .clients
        .iter()
        .map(crate::world::Client::numbers)
        .collect()
}

#[test]
fn frames_reach_whom_they_are_for_and_nobody_else() {
    let mut machine = Machine::running(3);
    for (number, client) in [0, 1, 2, 1].into_iter().enumerate() {
        let address = machine.clients[client].address;
        assert!(machine.arrive(&frame(address, OUTSIDE, number as u32)));
    }
    assert!(machine.arrive(&frame(STRANGER, OUTSIDE, 7)));
    assert_eq!(received(&mut machine), [vec![0], vec![1, 3], vec![2]]);
    assert_eq!(machine.strays().unclaimed, 1);
    let expected = frame(DEVICE, OUTSIDE, 0);
    assert_eq!(machine.clients[0].received[0], expected, "whole and unchanged");
    let traffic = machine.traffic(1);
    assert_eq!((traffic.received, traffic.received_bytes), (2, 120));
}

#[test]
fn frames_that_come_together_reach_whom_they_are_for_in_order() {
    let mut machine = Machine::running(3);
    let address = |client: usize| machine.clients[client].address;
    let to = [
        address(1),
        address(0),
        address(1),
        BROADCAST,
        STRANGER,
        address(2),
        address(1),
        address(1),
    ];
    let frames: Vec<_> = (0..)
        .zip(to)
        .map(|(number, to)| frame(to, OUTSIDE, number))
        .collect();
    for _ in 0..2 {
        assert_eq!(machine.arrive_together(&frames), frames.len());
        machine.work_until_idle();
    }
    let twice = |numbers: &[u32]| [numbers, numbers].concat();
    assert_eq!(
        received(&mut machine),
        [twice(&[1, 3]), twice(&[0, 2, 3, 6, 7]), twice(&[3, 5])]
    );
    assert_eq!(machine.strays().unclaimed, 2);
    let traffic = machine.traffic(1);
    assert_eq!((traffic.received, traffic.received_bytes), (10, 600));
}

#[test]
fn buffer_that_is_answered_twice_at_once_retires_the_driver() {
    let mut machine = Machine::running(1);
    let address = machine.clients[0].address;
    let response = machine.fill_buffer(&frame(address, OUTSIDE, 1)).unwrap();
    machine.driver_says_all(&[response, response]);
    machine.expect(EventKind::Retire);
    machine.exchange();
    assert_eq!(machine.clients[0].numbers(), [1], "once");
}

#[test]
fn answers_of_another_generation_among_others_retire_the_driver() {
    let mut machine = Machine::running(1);
    let address = machine.clients[0].address;
    let good = machine.fill_buffer(&frame(address, OUTSIDE, 1)).unwrap();
    let mut old = machine.fill_buffer(&frame(address, OUTSIDE, 2)).unwrap();
    old.generation -= 1;
    machine.driver_says_all(&[good, old]);
    machine.expect(EventKind::Retire);
    machine.exchange();
    assert_eq!(machine.clients[0].numbers(), [1]);
}

#[test]
fn broadcast_reaches_all_that_want_it() {
    let mut machine = Machine::running(3);
    assert_eq!(machine.filter(1, 0, 0), CallReply::Ok);
    machine.work_until_idle();
    machine.arrive(&frame(BROADCAST, OUTSIDE, 5));
    assert_eq!(received(&mut machine), [vec![5], vec![], vec![5]]);
}

#[test]
fn groups_reach_their_members_and_the_device_is_told() {
    let mut machine = Machine::running(3);
    machine.arrive(&frame(GROUP, OUTSIDE, 1));
    let bit = group_bit(GROUP);
    assert_eq!(machine.filter(1, FILTER_BROADCAST, bit), CallReply::Ok);
    machine.work_until_idle();
    let told = machine.driver.as_ref().unwrap().filter.unwrap();
    assert_eq!(told.offset, bit);
    machine.arrive(&frame(GROUP, OUTSIDE, 2));
    assert_eq!(machine.filter(2, FILTER_ALL_GROUPS, 0), CallReply::Ok);
    machine.work_until_idle();
    machine.arrive(&frame(GROUP, OUTSIDE, 3));
    assert_eq!(received(&mut machine), [vec![], vec![2, 3], vec![3]]);
}

#[test]
fn promiscuous_session_is_one_that_may_be_and_sees_no_frames_of_others() {
    let mut machine = Machine::running(2);
    assert_eq!(machine.filter(0, FILTER_EVERYTHING, 0), CallReply::Unsupported);
    assert_eq!(machine.filter(1, FILTER_EVERYTHING, 0), CallReply::Ok);
    assert_eq!(
        machine.call(0, ClientCall::SetFilter, [1 << 9, 0]).0,
        CallReply::Denied
    );
    machine.work_until_idle();
    machine.arrive(&frame(DEVICE, OUTSIDE, 1));
    machine.arrive(&frame(STRANGER, OUTSIDE, 2));
    machine.arrive(&frame(GROUP, OUTSIDE, 3));
    assert_eq!(received(&mut machine), [vec![1], vec![2, 3]]);
}

#[test]
fn client_without_buffers_misses_its_frames_and_nobody_elses() {
    let mut machine = Machine::running(2);
    for number in 0..40 {
        assert!(machine.arrive(&frame(BROADCAST, OUTSIDE, number)));
        machine.driver_takes();
        machine.clients[1].post(1);
        machine.exchange_of(1);
    }
    assert_eq!(
        machine.clients[1].numbers(),
        (0..40).collect::<Vec<_>>(),
        "it posts them anew"
    );
    machine.work_until_idle();
    assert_eq!(
        machine.clients[0].numbers(),
        (0..16).collect::<Vec<_>>(),
        "it does not"
    );
    assert_eq!(machine.drops(0).no_buffer, 24);
    assert_eq!(machine.drops(1).no_buffer, 0);
}

#[test]
fn client_that_never_takes_what_came_holds_up_nobody() {
    let mut machine = Machine::running(2);
    // Its ring of answers fills up: it posts all it can and takes nothing.
    for number in 0..200 {
        assert!(machine.arrive(&frame(BROADCAST, OUTSIDE, number)));
        machine.driver_takes();
        machine.clients[0].post_rudely();
        machine.clients[1].post(1);
        machine.exchange_of(1);
    }
    assert_eq!(machine.clients[1].received.len(), 200);
    assert!(machine.drops(0).no_buffer >= 100);
    assert_eq!(machine.info(0).mtu, 1500, "its session goes on");
}

#[test]
fn buffer_that_is_too_short_or_outside_comes_back_without_a_frame() {
    let mut machine = Machine::running(1);
    machine.clients[0].received.clear();
    (0..16).for_each(|number| assert!(machine.refill(&frame(DEVICE, OUTSIDE, number))));
    let end = crate::world::DATA as u64;
    for (offset, length) in [(0, 59), (end - 59, 60), (u64::MAX, 60), (0, u32::MAX), (end, 0)] {
        machine.clients[0].post_at(offset, length);
    }
    machine.exchange();
    (0..5).for_each(|_| assert!(machine.refill(&frame(DEVICE, OUTSIDE, 99))));
    machine.work_until_idle();
    let spoilt: Vec<(Status, u32)> = machine.clients[0]
        .spoilt
        .iter()
        .map(|buffer| (buffer.status, buffer.length))
        .collect();
    assert_eq!(
        spoilt,
        [
            (Status::Truncated, 60),
            (Status::OutOfRange, 0),
            (Status::OutOfRange, 0),
            (Status::OutOfRange, 0),
            (Status::Truncated, 60)
        ]
    );
    assert_eq!(machine.drops(0).bad_buffer, 5);
}

#[test]
fn waiting_for_frames_is_neither_late_nor_in_the_way() {
    let mut machine = Machine::running(1);
    for _ in 0..10 {
        machine.pass(REQUEST_DEADLINE);
    }
    assert_eq!((machine.mode(), machine.events.len()), (Mode::Passive, 0));
    use supervision::shadow::{CommandKind, EventKind, Policy};
    machine.command(CommandKind::Quiesce, Policy::Refuse, u64::MAX, 0, 0);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (0, 0), "there is nothing to drain");
}

#[test]
fn buffers_are_laid_so_that_frames_begin_at_words() {
    let mut machine = Machine::running(1);
    for number in 0..64 {
        assert!(machine.refill(&frame(DEVICE, OUTSIDE, number)));
        machine.clients[0].post(1);
    }
    machine.driver_takes();
    let driver = machine.driver.as_ref().unwrap();
    let header = u64::from(driver.header);
    assert_eq!(driver.buffers.len(), 16, "as many as the driver can take");
    assert!(
        driver
            .buffers
            .iter()
            .all(|buffer| (buffer.offset + header).is_multiple_of(8))
    );
}

#[test]
fn change_of_the_link_is_told_and_kept() {
    let mut machine = Machine::running(2);
    assert_eq!(machine.info(1).link, LINK_UP);
    machine.env.rung.clear();
    machine.link_is(LINK_DOWN);
    let channels: Vec<u64> = machine.clients.iter().map(|client| client.channel).collect();
    assert!(channels.iter().all(|channel| machine.env.rung.contains(channel)));
    assert_eq!(
        (machine.info(0).link, machine.info(1).link),
        (LINK_DOWN, LINK_DOWN)
    );
    machine.restart();
    assert_eq!(machine.info(0).link, LINK_DOWN, "a successor knows");
    machine.ring();
    machine.driver_takes();
    machine.link_is(LINK_UP);
    assert_eq!(machine.info(0).link, LINK_UP);
}
