//! Drivers are replaced while frames are on their way.

use device_class::net::*;
use proptest::prelude::*;
use shadow::slot::Mode;
use supervision::shadow::{CommandKind, EventKind, Policy};

use crate::world::client::{frame, mark};
use crate::world::{Machine, OUTSIDE, PATIENCE, RECORD};

/// Numbers of a client's frames on the wire, each when it was there first.
fn first_seen(machine: &Machine, client: usize) -> Vec<u32> {
    let address = machine.clients[client].address;
    let mut seen = Vec::new();
    for (source, number) in machine.wire.iter().map(|frame| mark(frame)) {
        if source == address && !seen.contains(&number) {
            seen.push(number);
        }
    }
    seen
}

fn all_sent_in_order(machine: &Machine) {
    for (index, client) in machine.clients.iter().enumerate() {
        let asked: Vec<u32> = (0..client.asked).collect();
        assert_eq!(first_seen(machine, index), asked, "client {index}");
        assert_eq!(client.sent, vec![Status::Ok; asked.len()]);
    }
}

#[test]
fn accepted_frames_survive_a_driver_that_is_cut_without_a_word() {
    let mut machine = Machine::running(2);
    for _ in 0..12 {
        machine.clients[0].ask();
        machine.clients[1].ask();
    }
    machine.exchange();
    machine.driver_takes();
    // Some sent and answered, some sent and never answered, the rest not even looked at.
    (0..5).for_each(|_| assert!(machine.send_one(true)));
    (0..4).for_each(|_| assert!(machine.send_one(false)));
    machine.driver = None;
    machine.command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Quiesced);
    for _ in 0..4 {
        machine.clients[1].ask();
    }
    machine.exchange();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    all_sent_in_order(&machine);
    assert_eq!(
        machine.wire.len(),
        12 + 16 + 4,
        "four went out twice, and only those"
    );
}

#[test]
fn buffers_wait_for_the_next_driver() {
    let mut machine = Machine::running(2);
    let address = machine.clients[1].address;
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    for number in 0..16 {
        assert!(machine.refill(&frame(address, OUTSIDE, number)));
    }
    machine.work_until_idle();
    assert_eq!(machine.clients[1].numbers(), (0..16).collect::<Vec<_>>());
    assert_eq!(machine.traffic(1).received, 16, "statistics go on");
}

#[test]
fn frames_that_the_old_driver_had_answered_are_delivered_though_it_is_gone() {
    let mut machine = Machine::running(1);
    let address = machine.clients[0].address;
    machine.command(CommandKind::Quiesce, Policy::Refuse, u64::MAX, 0, 0);
    machine.expect(EventKind::Quiesced);
    machine.arrive(&frame(address, OUTSIDE, 1));
    machine.arrive(&frame(address, OUTSIDE, 2));
    machine.exchange();
    assert_eq!(machine.clients[0].numbers(), [], "it is not listened to any more");
    machine.driver = None;
    machine.attach(Policy::Refuse);
    machine.exchange();
    assert_eq!(machine.clients[0].numbers(), [1, 2]);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].numbers(), [1, 2], "once");
}

#[test]
fn frames_that_come_do_not_hide_that_those_that_go_take_too_long_to_be_waited_for() {
    let mut machine = Machine::running(1);
    for _ in 0..8 {
        machine.clients[0].ask();
        machine.exchange();
        machine.driver_takes();
        machine.pass(500_000);
        assert!(machine.send_one(true));
        machine.exchange();
    }
    let address = machine.clients[0].address;
    for number in 0..64 {
        assert!(machine.refill(&frame(address, OUTSIDE, number)));
    }
    for _ in 0..8 {
        assert_eq!(machine.arrive_together(&vec![frame(address, OUTSIDE, 1); 8]), 8);
        machine.work_quietly();
    }
    machine.clients[0].ask();
    machine.exchange();
    machine.driver_takes();
    let until = machine.now() + 100_000;
    machine.command(CommandKind::Quiesce, Policy::Refuse, until, 50_000, 0);
    let quiesced = machine.expect(EventKind::Quiesced);
    assert_eq!((quiesced.a, quiesced.b), (1, 1));
}

#[test]
fn filter_of_all_clients_is_told_to_the_next_driver() {
    let mut machine = Machine::running(2);
    machine.filter(0, FILTER_BROADCAST, 5);
    machine.filter(1, FILTER_ALL_GROUPS, 8);
    machine.work_until_idle();
    machine.update(RECORD, Policy::Refuse);
    machine.work_until_idle();
    let told = machine.driver.as_ref().unwrap().filter.unwrap();
    assert_eq!(
        (told.flags, told.offset),
        (FILTER_BROADCAST | FILTER_ALL_GROUPS | FILTER_EVERYTHING, 13),
        "the second session has an address of its own"
    );
}

#[test]
fn filter_that_changes_while_the_last_one_is_told_is_told_too() {
    let mut machine = Machine::running(1);
    machine.filter(0, FILTER_BROADCAST, 1);
    machine.driver_takes();
    machine.filter(0, FILTER_BROADCAST, 2);
    machine.work_until_idle();
    assert_eq!(machine.driver.as_ref().unwrap().filter.unwrap().offset, 2);
    machine.filter(0, 0, 2);
    machine.work_until_idle();
    assert_eq!(machine.driver.as_ref().unwrap().filter.unwrap().flags, 0);
}

#[test]
fn filter_that_changes_while_a_driver_is_not_fed_is_told_to_it_when_it_is_fed_again() {
    let mut machine = Machine::running(1);
    machine.quiesce(Policy::Refuse);
    assert_eq!(machine.filter(0, FILTER_BROADCAST, 4), CallReply::Ok);
    machine.command(CommandKind::Resume, Policy::Refuse, 0, 0, 0);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.driver.as_ref().unwrap().filter.unwrap().offset, 4);
}

#[test]
fn clients_hear_of_a_link_that_the_next_driver_finds_otherwise() {
    let mut machine = Machine::running(2);
    for link in [LINK_DOWN, LINK_DOWN, LINK_UP] {
        let before = machine.info(0).link;
        machine.env.rung.clear();
        machine.update(NetCapabilities { link, ..RECORD }, Policy::Refuse);
        machine.expect(EventKind::Enabled);
        assert_eq!(machine.info(0).link, link);
        for client in &machine.clients {
            assert_eq!(machine.env.rung.contains(&client.channel), link != before);
        }
    }
}

#[test]
fn driver_that_says_another_address_is_refused_whatever_the_operator_wants() {
    let mut machine = Machine::running(1);
    let mut other = RECORD;
    other.mac[5] ^= 1;
    for policy in [Policy::Refuse, Policy::Degrade, Policy::Force] {
        machine.update(other, policy);
        machine.expect(EventKind::Refused);
    }
}

#[test]
fn without_a_driver_frames_are_refused_when_patience_ends_and_buffers_stay() {
    let mut machine = Machine::running(1);
    machine.clients[0].ask();
    machine.exchange();
    machine.driver = None;
    machine.command(CommandKind::Offline, Policy::Refuse, 0, 0, 0);
    machine.exchange();
    assert_eq!(machine.clients[0].sent, []);
    machine.pass(PATIENCE + 1);
    machine.exchange();
    assert_eq!(machine.clients[0].sent, [Status::Offline]);
    assert_eq!(machine.clients[0].session.posted(), 16);
    assert_eq!(machine.call(0, ClientCall::Info, [0; 2]).0, CallReply::NotReady);
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.call(0, ClientCall::Info, [0; 2]).0, CallReply::Ok);
    let address = machine.clients[0].address;
    assert!(machine.arrive(&frame(address, OUTSIDE, 1)));
    machine.exchange();
    assert_eq!(machine.clients[0].numbers(), [1]);
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    Exchange,
    Take,
    Send(bool),
    Arrive(usize),
    Broadcast,
    /// Frames that come together: each for one client, or for all.
    Burst(Vec<Option<usize>>),
    Quiesce,
    Crash,
    Replace,
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..3).prop_map(Step::Ask),
        4 => Just(Step::Exchange),
        4 => Just(Step::Take),
        6 => any::<bool>().prop_map(Step::Send),
        4 => (0usize..3).prop_map(Step::Arrive),
        1 => Just(Step::Broadcast),
        3 => proptest::collection::vec(proptest::option::weighted(0.9, 0usize..3), 2..12).prop_map(Step::Burst),
        1 => Just(Step::Quiesce),
        1 => Just(Step::Crash),
        2 => Just(Step::Replace),
        1 => Just(Step::Die),
    ]
}

struct Story {
    machine: Machine,
    /// Numbers sent to each client by the network, in order.
    to: [Vec<u32>; 3],
    number: u32,
    /// A driver serves.
    serving: bool,
}

impl Story {
    fn new() -> Self {
        Self {
            machine: Machine::running(3),
            to: Default::default(),
            number: 0,
            serving: true,
        }
    }

    fn replace(&mut self) {
        self.machine.driver = None;
        self.machine
            .command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
        self.machine.events.clear();
        self.machine.attach(Policy::Refuse);
        self.machine.start(RECORD);
        self.machine.driver_takes();
        self.serving = true;
        self.machine.events.clear();
    }

    /// Frames come together, each for one client or for all.
    fn frames_come(&mut self, takers: &[Option<usize>]) {
        if self.machine.driver.is_none() {
            return;
        }
        let clients = &self.machine.clients;
        let to = |taker: &Option<usize>| taker.map_or(BROADCAST, |client| clients[client].address);
        let frames: Vec<Vec<u8>> = (self.number..)
            .zip(takers)
            .map(|(number, taker)| frame(to(taker), OUTSIDE, number))
            .collect();
        let came = self.machine.arrive_together(&frames);
        for (number, taker) in (self.number..).zip(&takers[..came]) {
            let of = taker.map_or(0..3, |client| client..client + 1);
            self.to[of].iter_mut().for_each(|told| told.push(number));
        }
        self.number += takers.len() as u32;
    }

    fn take(&mut self, step: &Step) {
        let machine = &mut self.machine;
        match step {
            Step::Ask(client) => drop(machine.clients[*client].ask()),
            Step::Exchange => {
                machine.exchange();
                // Whatever came back is posted again.
                for client in &mut machine.clients {
                    let missing = 16 - client.session.posted();
                    client.post(missing);
                }
                machine.exchange();
            }
            Step::Take => machine.driver_takes(),
            Step::Send(answer) => drop(machine.send_one(*answer)),
            Step::Arrive(client) => self.frames_come(&[Some(*client)]),
            Step::Broadcast => self.frames_come(&[None]),
            Step::Burst(takers) => self.frames_come(takers),
            Step::Quiesce => {
                machine.command(CommandKind::Quiesce, Policy::Refuse, u64::MAX, 0, 0);
                machine.events.clear();
            }
            Step::Crash => {
                machine.driver = None;
                self.serving = false;
            }
            Step::Replace => self.replace(),
            Step::Die => {
                machine.restart();
                machine.ring();
            }
        }
    }

    fn end(&mut self) {
        self.replace();
        self.machine.work_until_idle();
        assert_eq!(self.machine.mode(), Mode::Passive);
        all_sent_in_order(&self.machine);
        for (client, came) in self.machine.clients.iter().zip(&self.to) {
            let numbers = client.numbers();
            let mut expected = came.iter();
            // In order, each once, none that was for another; one may be missing if there was no buffer or no ear for it.
            for number in &numbers {
                assert!(
                    expected.any(|other| other == number),
                    "{numbers:?} is not out of {came:?}"
                );
            }
            for bytes in &client.received {
                let header = Header::parse(bytes.first_chunk().unwrap());
                assert!(header.destination == client.address || header.destination == BROADCAST);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_frames_are_sent_in_order_and_reach_only_whom_they_are_for(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        let mut story = Story::new();
        for step in &steps {
            story.take(step);
        }
        story.end();
    }
}
