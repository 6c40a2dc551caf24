//! Connections one after the other, by a server with few places.

use ip_session::wire::{End, wire};
use ip_session::{Host, place};
use proptest::prelude::*;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::Instant;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const PORT: u16 = 80;

fn socket(host: &mut Host) -> SocketHandle {
    let buffer = || tcp::SocketBuffer::new(vec![0; 2048]);
    host.sockets.add(tcp::Socket::new(buffer(), buffer()))
}

/// A server that answers a byte with a byte, and then closes or waits for the client to.
struct World {
    ends: [End; 2],
    client: Host,
    server: Host,
    places: Vec<SocketHandle>,
    closes_first: bool,
    ms: i64,
    connections: u16,
}

impl World {
    fn new(places: usize, closes_first: bool) -> Self {
        let mut ends = wire();
        let cidr = |last| Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, last), 24);
        let host = |last, end: &mut End| {
            Host::with_address([2, 0, 0, 0, 0, last], cidr(last), end, Instant::ZERO, last.into())
        };
        let (client, mut server) = (host(1, &mut ends[0]), host(2, &mut ends[1]));
        let places = (0..places).map(|_| socket(&mut server)).collect();
        Self {
            ends,
            client,
            server,
            places,
            closes_first,
            ms: 0,
            connections: 0,
        }
    }

    fn turn(&mut self) {
        self.ms += 1;
        let now = Instant::from_millis(self.ms);
        self.client.poll(now, &mut self.ends[0]);
        self.server.poll(now, &mut self.ends[1]);
        for place in &self.places {
            let socket = self.server.sockets.get_mut::<tcp::Socket<'_>>(*place);
            place::listen_again(socket, PORT, true);
            let mut byte = [0];
            if socket.recv_slice(&mut byte) == Ok(1) {
                socket.send_slice(&byte).unwrap();
                if self.closes_first {
                    place::close(socket);
                }
            }
            if socket.state() == State::CloseWait {
                place::close(socket);
            }
        }
        self.server.poll(now, &mut self.ends[1]);
    }

    /// A connection that asks, is answered, and ends. False: it was reset, or came to no end.
    fn visit(&mut self) -> bool {
        let handle = socket(&mut self.client);
        self.connections += 1;
        self.client
            .connect(handle, (ADDRESS, PORT), 40_000 + self.connections)
            .unwrap();
        let (mut asked, mut answered) = (false, false);
        for _ in 0..100_000 {
            self.turn();
            let socket = self.client.sockets.get_mut::<tcp::Socket<'_>>(handle);
            if !asked && socket.can_send() {
                asked = socket.send_slice(b"?") == Ok(1);
            }
            let mut byte = [0];
            if socket.recv_slice(&mut byte) == Ok(1) {
                answered = true;
                if !self.closes_first {
                    place::close(socket);
                }
            }
            if self.closes_first && socket.state() == State::CloseWait {
                place::close(socket);
            }
            if matches!(socket.state(), State::Closed | State::TimeWait) {
                self.client.sockets.remove(handle);
                return answered;
            }
        }
        false
    }
}

#[test]
fn visitors_without_a_pause_are_all_received() {
    for closes_first in [true, false] {
        let mut world = World::new(2, closes_first);
        // The places begin to listen.
        world.turn();
        for visitor in 0..100 {
            assert!(world.visit(), "visitor {visitor}, {closes_first}");
        }
        assert!(
            world.ms < 5000,
            "{} ms: a place that was left is another's at once",
            world.ms
        );
    }
}

#[test]
fn visitor_that_is_thrown_out_is_told() {
    let mut world = World::new(1, false);
    world.turn();
    let handle = socket(&mut world.client);
    world.client.connect(handle, (ADDRESS, PORT), 40_000).unwrap();
    for _ in 0..10 {
        world.turn();
    }
    let state = |world: &mut World| world.client.sockets.get_mut::<tcp::Socket<'_>>(handle).state();
    assert_eq!(state(&mut world), State::Established);
    let place = world.places[0];
    let thrown_out = world.server.sockets.get_mut::<tcp::Socket<'_>>(place);
    thrown_out.abort();
    assert!(
        !place::listen_again(thrown_out, PORT, true),
        "it has to be told first"
    );
    world.turn();
    world.turn();
    assert_eq!(state(&mut world), State::Closed);
    assert!(world.visit());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// With as many places as a retransmission can keep busy, a wire that loses and repeats turns nobody away.
    #[test]
    fn nobody_is_turned_away_over_a_bad_wire(
        lose in prop::sample::select(vec![0u32, 7, 11, 13]),
        repeat in prop::sample::select(vec![0u32, 3, 5]),
        closes_first: bool,
    ) {
        let mut world = World::new(3, closes_first);
        world.turn();
        for end in &mut world.ends {
            (end.lose, end.repeat) = (lose, repeat);
        }
        for visitor in 0..20 {
            prop_assert!(world.visit(), "visitor {}", visitor);
        }
    }
}
