//! The services at one end of a wire, clients at the other.

use echo::{DISCARD, Datagrams, ECHO, Echo};
use ip_session::Host;
use ip_session::answers::{Answer, Answers};
use ip_session::wire::{End, wire};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

struct World {
    ends: [End; 2],
    client: Host,
    server: Host,
    echo: Echo,
    ms: i64,
}

impl World {
    fn new() -> Self {
        let mut ends = wire();
        let start = Instant::ZERO;
        let cidr = |last| Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, last), 24);
        let client = Host::with_address([2, 0, 0, 0, 0, 1], cidr(1), &mut ends[0], start, 1);
        let mut server = Host::with_address([2, 0, 0, 0, 0, 2], cidr(2), &mut ends[1], start, 2);
        let echo = Echo::new(&mut server.sockets, 2);
        Self {
            ends,
            client,
            server,
            echo,
            ms: 0,
        }
    }

    fn turn(&mut self) {
        self.ms += 1;
        let now = Instant::from_millis(self.ms);
        self.client.poll(now, &mut self.ends[0]);
        self.server.poll(now, &mut self.ends[1]);
        while self.echo.serve(now, &mut self.server.sockets) {
            self.server.poll(now, &mut self.ends[1]);
        }
    }

    fn stream(&mut self, port: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        let socket = self.client.sockets.add(tcp::Socket::new(buffer(), buffer()));
        self.turn();
        self.client
            .connect(socket, (ADDRESS, port), 50_000 + self.ms as u16)
            .unwrap();
        for _ in 0..100 {
            self.turn();
        }
        socket
    }
}

#[test]
fn every_byte_comes_back_in_order_over_a_bad_wire() {
    let mut world = World::new();
    (world.ends[0].lose, world.ends[1].lose, world.ends[0].repeat) = (11, 17, 5);
    let socket = world.stream(ECHO);
    let bytes: Vec<u8> = (0..200_000u32).map(|at| (at * 13 + at / 255) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    for _ in 0..400_000 {
        let socket = world.client.sockets.get_mut::<tcp::Socket<'_>>(socket);
        if sent < bytes.len() && socket.can_send() {
            sent += socket.send_slice(&bytes[sent..]).unwrap();
        }
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    got.extend_from_slice(bytes);
                    (bytes.len(), ())
                })
                .unwrap();
        }
        if got.len() == bytes.len() {
            break;
        }
        world.turn();
    }
    assert!(got == bytes, "{} of {}", got.len(), bytes.len());
    assert_eq!(world.echo.tally().echoed_bytes, 200_000);
}

#[test]
fn client_that_reads_nothing_stops_itself_and_nobody_else() {
    let mut world = World::new();
    let (deaf, good) = (world.stream(ECHO), world.stream(ECHO));
    for _ in 0..1000 {
        let socket = world.client.sockets.get_mut::<tcp::Socket<'_>>(deaf);
        let _ = socket.send_slice(&[7; 4096]);
        world.turn();
    }
    assert!(world.echo.tally().echoed_bytes < 64 * 1024);
    world
        .client
        .sockets
        .get_mut::<tcp::Socket<'_>>(good)
        .send_slice(b"hello")
        .unwrap();
    for _ in 0..100 {
        world.turn();
    }
    let socket = world.client.sockets.get_mut::<tcp::Socket<'_>>(good);
    assert_eq!(
        socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap(),
        b"hello"
    );
}

#[test]
fn closed_connections_make_room_for_others() {
    let mut world = World::new();
    for round in 0..10 {
        let socket = world.stream(DISCARD);
        let client = world.client.sockets.get_mut::<tcp::Socket<'_>>(socket);
        assert!(client.may_send(), "round {round}");
        client.send_slice(&[0; 1000]).unwrap();
        client.close();
        for _ in 0..100 {
            world.turn();
        }
    }
    assert_eq!(world.echo.tally().discarded_bytes, 10_000);
}

#[test]
fn datagrams_come_back_or_are_forgotten_or_are_nobodys() {
    let answers = [ECHO, DISCARD, 8].map(|port| Datagrams.answer(port, b"hello"));
    assert_eq!(answers, [Answer::Same, Answer::Nothing, Answer::Nobody]);
}
