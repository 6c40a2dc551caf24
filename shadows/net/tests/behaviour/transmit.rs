//! Frames of the clients.

use device_class::net::*;
use supervision::shadow::Policy;

use crate::world::client::{frame, mark};
use crate::world::{DEVICE, Machine, OUTSIDE, RECORD};

#[test]
fn first_session_has_the_devices_address_and_the_others_their_own() {
    let mut machine = Machine::running(3);
    let addresses: Vec<Address> = (0..3).map(|client| machine.info(client).address).collect();
    assert_eq!(addresses[0], DEVICE);
    assert!(
        addresses
            .iter()
            .skip(1)
            .all(|address| address.is_station() && address.0[0] & 2 != 0)
    );
    assert_ne!(addresses[1], addresses[2]);
}

#[test]
fn frames_go_out_in_order_per_client_and_by_turns() {
    let mut machine = Machine::running(2);
    for _ in 0..40 {
        assert!(machine.clients[0].ask());
    }
    for _ in 0..8 {
        assert!(machine.clients[1].ask());
    }
    machine.work_until_idle();
    let of = |client: usize| {
        let address = machine.clients[client].address;
        let marks = machine.wire.iter().map(|frame| mark(frame));
        marks
            .filter(|(source, _)| *source == address)
            .map(|(_, number)| number)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0), (0..40).collect::<Vec<_>>());
    assert_eq!(of(1), (0..8).collect::<Vec<_>>());
    let last = machine
        .wire
        .iter()
        .rposition(|frame| mark(frame).0 == machine.clients[1].address);
    assert!(last < Some(24), "a flood does not hold up the other: {last:?}");
    assert_eq!(machine.clients[0].sent, [Status::Ok; 40]);
}

#[test]
fn frame_from_somebody_elses_address_is_not_sent() {
    let mut machine = Machine::running(2);
    let other = machine.clients[1].address;
    assert!(machine.clients[0].ask_for(&frame(OUTSIDE, other, 1)));
    assert!(machine.clients[0].ask());
    machine.work_until_idle();
    assert_eq!(machine.clients[0].sent, [Status::Spoofed, Status::Ok]);
    assert_eq!(machine.wire.len(), 1);
    let drops = machine.drops(0);
    assert_eq!((drops.spoofed, drops.refused), (1, 0));
    assert_eq!(machine.traffic(0).sent, 1);
    assert_eq!(machine.drops(1), Drops::default(), "statistics are private");
}

/// How a request is answered that is right but for this change.
fn refusal(change: impl Fn(&mut NetRequest)) -> Status {
    let mut machine = Machine::running(1);
    machine.clients[0].ask_changed(&frame(OUTSIDE, DEVICE, 0), change);
    machine.exchange();
    machine.driver_takes();
    machine.send_one(true);
    machine.exchange();
    machine.clients[0].sent[0]
}

#[test]
fn requests_that_make_no_sense_are_refused_each_for_its_reason() {
    assert_eq!(refusal(|_| {}), Status::Ok);
    assert_eq!(refusal(|r| r.generation = 1), Status::Invalid);
    assert_eq!(refusal(|r| r.region = 1), Status::Invalid);
    assert_eq!(refusal(|r| r.flags = 0x80), Status::Invalid);
    assert_eq!(refusal(|r| r.flags = FLAG_VERIFIED), Status::Invalid);
    assert_eq!(refusal(|r| r.length = 13), Status::Invalid);
    assert_eq!(refusal(|r| r.length = 1515), Status::Invalid);
    assert_eq!(refusal(|r| r.checksum_start = 34), Status::Invalid, "no flag");
    assert_eq!(refusal(|r| r.segment = 1), Status::Invalid, "no flag");
    assert_eq!(
        refusal(|r| r.offset = HEADROOM - 1),
        Status::OutOfRange,
        "no headroom"
    );
    assert_eq!(
        refusal(|r| r.offset = crate::world::DATA as u64 - 59),
        Status::OutOfRange
    );
    assert_eq!(refusal(|r| r.offset = u64::MAX - 8), Status::OutOfRange);
    let summed = |r: &mut NetRequest| {
        (r.flags, r.checksum_start, r.checksum_offset) = (FLAG_CHECKSUM, 34, 16);
    };
    assert_eq!(refusal(summed), Status::Ok);
    let beyond = |r: &mut NetRequest| {
        (r.flags, r.checksum_start, r.checksum_offset) = (FLAG_CHECKSUM, 34, 25);
    };
    assert_eq!(refusal(beyond), Status::Invalid);
    let cut = |r: &mut NetRequest| {
        summed(r);
        (r.flags, r.segment, r.headers) = (FLAG_CHECKSUM | FLAG_SEGMENT_4, 10, 54);
    };
    assert_eq!(refusal(cut), Status::Unsupported);
}

#[test]
fn frame_that_a_smaller_device_cannot_send_is_answered_capability_lost() {
    let mut machine = Machine::running(1);
    let small = NetCapabilities { mtu: 576, ..RECORD };
    let mut long = frame(OUTSIDE, DEVICE, 0);
    long.resize(1000, 0);
    machine.update(small, Policy::Refuse);
    machine.expect(supervision::shadow::EventKind::Refused);
    machine.driver = None;
    machine.attach(Policy::Degrade);
    assert!(machine.clients[0].ask_for(&long));
    machine.start(small);
    machine.expect(supervision::shadow::EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].sent, [Status::CapabilityLost]);
    assert!(machine.clients[0].ask_for(&long));
    machine.work_until_idle();
    assert_eq!(machine.clients[0].sent[1], Status::CapabilityLost);
    assert_eq!(machine.info(0).mtu, 576);
    assert!(machine.clients[0].ask_for(&long));
    machine.work_until_idle();
    assert_eq!(
        machine.clients[0].sent[2],
        Status::Invalid,
        "it has been told meanwhile"
    );
}
