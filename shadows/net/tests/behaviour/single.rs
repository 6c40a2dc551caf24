//! Frames one at a time: the shadow's short way, and that nobody can tell it from the general one.

use device_class::net::*;
use proptest::prelude::*;
use supervision::shadow::Policy;

use crate::world::client::frame;
use crate::world::{Machine, OUTSIDE, RECORD, mortal};

const SESSIONS: usize = 2;

/// What happens next. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client asks for a frame to be sent; not every one makes sense.
    Ask {
        client: usize,
        spoof: bool,
    },
    Exchange(usize),
    Take,
    /// The device has sent a frame.
    Sent,
    /// It has, and has put so many frames for this client into buffers.
    Arrive {
        client: usize,
        frames: usize,
    },
    /// A frame for whoever wants it, or for nobody.
    Stray(bool),
    Post(usize),
    Filter(usize, u64),
    Link(u32),
    Pass(u64),
    Update,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..SESSIONS;
    prop_oneof![
        8 => (client.clone(), 0u8..10).prop_map(|(client, n)| Step::Ask { client, spoof: n == 0 }),
        8 => client.clone().prop_map(Step::Exchange),
        8 => Just(Step::Take),
        8 => Just(Step::Sent),
        6 => (client.clone(), 1usize..3).prop_map(|(client, frames)| Step::Arrive { client, frames }),
        1 => any::<bool>().prop_map(Step::Stray),
        2 => client.clone().prop_map(Step::Post),
        1 => (client, 0u64..4).prop_map(|(client, groups)| Step::Filter(client, groups)),
        1 => (0u32..2).prop_map(Step::Link),
        1 => (1u64..2_000_000).prop_map(Step::Pass),
        1 => Just(Step::Update),
    ]
}

fn play(machine: &mut Machine, step: Step) {
    let to = |machine: &Machine, client: usize| machine.clients[client].address;
    match step {
        Step::Ask { client, spoof: false } => drop(machine.clients[client].ask()),
        Step::Ask { client, .. } => drop(machine.clients[client].ask_for(&frame(OUTSIDE, OUTSIDE, 7))),
        Step::Exchange(client) => machine.exchange_of(client),
        Step::Take => machine.driver_takes(),
        Step::Sent => drop(machine.send_one(true)),
        Step::Arrive { client, frames } => {
            let frame = frame(to(machine, client), OUTSIDE, 1);
            machine.arrive_together(&vec![frame; frames]);
        }
        Step::Stray(wanted) => {
            let destination = if wanted { BROADCAST } else { OUTSIDE };
            machine.arrive(&frame(destination, OUTSIDE, 2));
        }
        Step::Post(client) => machine.clients[client].post_some(),
        Step::Filter(client, groups) => machine.filter_quietly(client, groups),
        Step::Link(link) => {
            let driver = machine.driver.as_ref();
            if driver.is_some_and(|driver| driver.watch.is_some_and(|watch| watch.length != link)) {
                machine.link_is(link);
            }
        }
        Step::Pass(ticks) => machine.pass(ticks),
        Step::Update => machine.update(RECORD, Policy::Refuse),
    }
    machine.events.clear();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn short_ways_end_where_the_general_one_does(steps in prop::collection::vec(step(), 1..200)) {
        let mut machines = [Machine::running(SESSIONS), Machine::running(SESSIONS)];
        machines.iter_mut().for_each(|machine| machine.env.still = true);
        machines[1].thorough = true;
        for step in steps {
            machines.iter_mut().for_each(|machine| play(machine, step));
            prop_assert_eq!(machines[0].seen(), machines[1].seen(), "{:?}", step);
        }
        for client in 0..SESSIONS {
            prop_assert_eq!(machines[0].traffic(client), machines[1].traffic(client));
            prop_assert_eq!(machines[0].drops(client), machines[1].drops(client));
        }
        prop_assert_eq!(machines[0].strays(), machines[1].strays());
    }
}

/// A link's flag goes down and up again on the general way only.
#[test]
fn single_frame_takes_the_short_way() {
    let down = |machine: &mut Machine| {
        machine.clients[0].ask();
        machine.exchange_of(0);
    };
    let up = |machine: &mut Machine| {
        machine.driver_takes();
        machine.send_one(true);
    };
    let arrival = |machine: &mut Machine| {
        let address = machine.clients[1].address;
        machine.arrive(&frame(address, OUTSIDE, 1));
    };
    let of = |thorough: bool| {
        let mut machine = Machine::running(SESSIONS);
        machine.thorough = thorough;
        // The first has a deadline set for it.
        down(&mut machine);
        up(&mut machine);
        [&down as &dyn Fn(&mut Machine), &up, &arrival].map(|act| mortal::effects(|| act(&mut machine)))
    };
    let (short, general) = (of(false), of(true));
    assert!(
        short
            .iter()
            .zip(general)
            .all(|(short, general)| *short + 2 <= general),
        "{short:?} {general:?}"
    );
}

/// Whatever effect it dies at: a link that changed is told.
#[test]
fn change_of_the_link_outlives_the_shadow_on_the_short_way_too() {
    for effects in 0.. {
        let mut machine = Machine::running(SESSIONS);
        machine.clients[0].ask();
        machine.exchange_of(0);
        machine.driver_takes();
        machine.send_one(true);
        mortal::arm(Some(effects));
        machine.link_is(LINK_DOWN);
        machine.ring();
        machine.driver_takes();
        // A driver answers at once who waits for another state than there is.
        while let Some(watch) = machine.driver.as_mut().and_then(|driver| {
            let differs = driver.watch.is_some_and(|watch| watch.length != LINK_DOWN);
            driver.watch.take_if(|_| differs)
        }) {
            machine.driver_says(NetResponse {
                length: LINK_DOWN,
                ..crate::world::driver::done(&watch)
            });
            machine.driver_takes();
        }
        let survived = mortal::left().is_some();
        mortal::arm(None);
        assert_eq!(machine.info(0).link, LINK_DOWN, "died at {effects}");
        if survived {
            assert!(effects > 5, "{effects}");
            return;
        }
    }
}

/// Frames of one client and for the other, one at a time and both short ways round, with the shadow's death before its effect number
/// `effects`. Effects that it had left.
fn story(effects: u64) -> Option<u64> {
    let mut machine = Machine::running(SESSIONS);
    let address = machine.clients[1].address;
    mortal::arm(Some(effects));
    for number in 0..3 {
        machine.clients[0].ask();
        machine.exchange_of(0);
        machine.driver_takes();
        machine.send_one(true);
        machine.exchange_of(0);
        machine.arrive(&frame(address, OUTSIDE, number));
        machine.exchange_of(1);
    }
    let left = mortal::left();
    mortal::arm(None);
    machine.work_until_idle();
    let sent = &machine.clients[0].sent;
    assert_eq!(sent[..], [Status::Ok; 3], "each once, death at {effects}");
    let mut received = machine.clients[1].numbers();
    received.dedup();
    assert_eq!(
        received,
        [0, 1, 2],
        "none lost, in order, at worst twice, death at {effects}"
    );
    let client = &machine.clients[1];
    assert_eq!(
        client.session.posted() + client.received.len(),
        16,
        "no buffer is lost, death at {effects}"
    );
    left
}

#[test]
fn death_at_any_effect_loses_no_single_frame() {
    let deaths = (0..).take_while(|effects| story(*effects).is_none()).count();
    assert!(deaths > 60, "{deaths}");
}
