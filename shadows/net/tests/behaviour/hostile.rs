//! Clients and drivers that break the rules.

use device_class::net::*;
use device_class::report::DriverReport;
use proptest::prelude::*;
use shadow::slot::Mode;
use supervision::shadow::{EventKind, Failure};
use zerocopy::FromBytes;

use crate::world::client::frame;
use crate::world::driver::done;
use crate::world::{DEVICE, Machine, OUTSIDE, WATCH};

/// A driver that answers a receive like this.
fn answered(change: impl Fn(&NetRequest, &mut NetResponse)) -> Machine {
    let mut machine = Machine::running(1);
    machine.driver_takes();
    let buffer = machine.driver.as_mut().unwrap().next_buffer().unwrap();
    let mut response = NetResponse {
        start: 12,
        length: 60,
        ..done(&buffer)
    };
    change(&buffer, &mut response);
    machine.driver_says(response);
    machine.work_until_idle();
    machine
}

#[track_caller]
fn retired(mut machine: Machine) {
    let event = machine.expect(EventKind::Retire);
    assert_eq!(event.a, Failure::UnknownRequest as u64);
    assert_eq!(machine.mode(), Mode::Active);
    assert!(machine.clients[0].received.is_empty());
}

#[test]
fn driver_that_claims_more_than_the_buffer_is_retired() {
    retired(answered(|buffer, r| r.length = buffer.length - 11));
    retired(answered(|_, r| r.length = u32::MAX));
    retired(answered(|_, r| r.start = u16::MAX));
}

#[test]
fn driver_that_answers_what_it_does_not_have_is_retired() {
    retired(answered(|_, r| r.id ^= 1 << 20));
    retired(answered(|_, r| r.generation += 1));
    retired(answered(|_, r| r.status = 77));
}

#[test]
fn driver_that_answers_twice_is_retired() {
    let mut machine = Machine::running(1);
    machine.driver_takes();
    let response = machine.fill_buffer(&frame(DEVICE, OUTSIDE, 1)).unwrap();
    machine.driver_says(response);
    machine.driver_says(response);
    machine.expect(EventKind::Retire);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].numbers(), [1]);
}

#[test]
fn link_that_makes_no_sense_retires_the_driver() {
    for link in [LINK_UP, 3, u32::MAX] {
        let mut machine = Machine::running(1);
        machine.link_is(link);
        machine.expect(EventKind::Retire);
    }
}

#[test]
fn what_the_network_sends_is_not_the_drivers_fault() {
    for (length, misshapen) in [(13, 1), (0, 1), (1515, 1), (1514, 0)] {
        let mut machine = answered(|_, r| r.length = length);
        assert_eq!(machine.mode(), Mode::Passive);
        assert_eq!(machine.strays().misshapen, misshapen, "{length}");
    }
    let mut machine = answered(|_, r| r.status = Status::IoError as u8);
    assert_eq!((machine.mode(), machine.strays().damaged), (Mode::Passive, 1));
}

#[test]
fn flood_of_frames_that_are_none_does_not_cost_the_driver_its_life() {
    let mut machine = Machine::running(1);
    for beat in 1..10_000u32 {
        let mut response = machine.fill_buffer(&[]).unwrap();
        response.length = [0, 13, 1515, 2000][beat as usize % 4];
        let heartbeat = core::mem::offset_of!(DriverReport, heartbeat);
        let driver = machine.driver.as_mut().unwrap();
        driver.link.write_info_word(heartbeat, beat);
        machine.driver_says(response);
        machine.driver_takes();
    }
    assert!(machine.arrive(&frame(DEVICE, OUTSIDE, 1)));
    machine.pass(WATCH + 1);
    assert_eq!((machine.mode(), machine.events.len()), (Mode::Passive, 0));
    assert_eq!(machine.strays().misshapen, 9_999);
}

#[test]
fn client_that_breaks_the_link_of_buffers_ends_its_session_only() {
    let mut machine = Machine::running(2);
    machine.break_deliveries_of(0);
    machine.arrive(&frame(BROADCAST, OUTSIDE, 1));
    machine.exchange_of(1);
    assert_eq!(machine.clients[1].numbers(), [1]);
    assert_eq!(machine.call(0, ClientCall::Info, [0; 2]).0, CallReply::Ended);
    assert_eq!(machine.call(1, ClientCall::Info, [0; 2]).0, CallReply::Ok);
}

#[test]
fn client_that_breaks_it_before_frames_come_together_ends_its_session_only() {
    let mut machine = Machine::running(2);
    machine.break_deliveries_of(0);
    let to = |client: usize| machine.clients[client].address;
    let frames = [to(1), to(0), to(0), to(1)].map(|to| frame(to, OUTSIDE, 1));
    assert_eq!(machine.arrive_together(&frames), 4);
    machine.exchange_of(1);
    assert_eq!(machine.clients[1].numbers(), [1, 1]);
    assert_eq!(machine.call(0, ClientCall::Info, [0; 2]).0, CallReply::Ended);
    assert_eq!(machine.call(1, ClientCall::Info, [0; 2]).0, CallReply::Ok);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever a client writes into its rings: every request is answered, nothing goes out that is not the client's, the
    /// other client is unharmed.
    #[test]
    fn arbitrary_requests_harm_nobody(
        asked in proptest::collection::vec(any::<[u8; 32]>(), 1..20),
        wished in proptest::collection::vec(any::<[u8; 32]>(), 1..20),
    ) {
        let mut machine = Machine::running(2);
        let (mut plain, mut wishes) = machine.raw_links_of(0);
        for bytes in &asked {
            plain.send(&NetRequest::read_from_bytes(bytes).unwrap()).unwrap();
        }
        for bytes in &wished {
            wishes.send(&NetRequest::read_from_bytes(bytes).unwrap()).unwrap();
        }
        let _ = (plain.publish(), wishes.publish());
        machine.ring();
        for number in 0..40 {
            machine.arrive(&frame(BROADCAST, OUTSIDE, number));
            machine.work_quietly();
            machine.exchange_of(1);
            machine.clients[1].post(1);
        }
        machine.ring();
        let mut answers = 0;
        while plain.recv().unwrap().is_some() {
            answers += 1;
        }
        prop_assert_eq!(answers, asked.len());
        prop_assert_eq!(machine.clients[1].received.len(), 40);
        for sent in &machine.wire {
            prop_assert_eq!(Header::parse(sent.first_chunk().unwrap()).source, DEVICE);
        }
        prop_assert_eq!(machine.mode(), Mode::Passive);
    }

    /// Whatever a driver writes into its ring: at worst it is retired, and the sessions go on.
    #[test]
    fn arbitrary_answers_harm_nobody(answers in proptest::collection::vec(any::<([u8; 16], bool)>(), 1..30)) {
        let mut machine = Machine::running(2);
        machine.clients[0].ask();
        machine.exchange();
        machine.driver_takes();
        for (bytes, known) in &answers {
            let Some(driver) = machine.driver.as_mut() else { break };
            let mut response = NetResponse::read_from_bytes(bytes).unwrap();
            if *known && let Some(request) = driver.buffers.pop_front() {
                (response.id, response.generation) = (request.id, request.generation);
            }
            if machine.mode() == Mode::Passive {
                machine.driver_says(response);
            }
        }
        machine.exchange();
        machine.driver = None;
        machine.events.clear();
        machine.command(supervision::shadow::CommandKind::Impersonate, supervision::shadow::Policy::Refuse, 0, 0, 0);
        machine.events.clear();
        machine.attach(supervision::shadow::Policy::Refuse);
        machine.start(crate::world::RECORD);
        machine.expect(EventKind::Enabled);
        machine.work_until_idle();
        prop_assert_eq!(machine.clients[0].sent.len(), 1);
        let before = machine.clients[1].received.len();
        let address = machine.clients[1].address;
        machine.arrive(&frame(address, OUTSIDE, 7));
        machine.work_until_idle();
        prop_assert_eq!(machine.clients[1].received.len(), before + 1);
    }
}
