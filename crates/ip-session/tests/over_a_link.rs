//! Sessions over links in memory, with a shadow that passes frames from one to the other.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use device_class::net::{ClientInfo, NetClient, NetRequest, NetResponse, Op, Status};
use ip_session::answers::{Answer, Answers};
use ip_session::dhcp::Dhcp;
use ip_session::{Host, Session, data_len};
use shared_ring::page::HostPage;
use shared_ring::requests::Nobody;
use shared_ring::{Area, Link};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

const FRAMES: usize = 4;

type Shadow = Link<NetResponse, NetRequest, HostPage>;

/// The shadow's side of a session.
struct Side {
    transmit: Shadow,
    receive: Shadow,
    data: Area,
}

fn link() -> (Link<NetRequest, NetResponse, HostPage>, Shadow) {
    let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
    (Link::over(ours.clone(), theirs.clone()), Link::over(theirs, ours))
}

fn area(len: usize) -> [Area; 2] {
    let base = NonNull::from(Box::leak(vec![0u64; len / 8].into_boxed_slice())).cast::<u8>();
    // SAFETY: aligned, as long as it says, leaked, and accessed by areas only.
    [unsafe { Area::new(base, len) }, unsafe { Area::new(base, len) }]
}

fn session() -> (Session<HostPage>, Side) {
    session_of(FRAMES)
}

fn session_of(frames: usize) -> (Session<HostPage>, Side) {
    let (client, ours, side) = ends(frames);
    (Session::new(client, ours, &info()).unwrap(), side)
}

fn info() -> ClientInfo {
    ClientInfo {
        mtu: 1500,
        ..ClientInfo::default()
    }
}

/// A client with its data region, and the shadow's side.
fn ends(frames: usize) -> (NetClient<HostPage>, Area, Side) {
    let ((transmit, from), (receive, to)) = (link(), link());
    let [ours, theirs] = area(data_len(frames));
    let side = Side {
        transmit: from,
        receive: to,
        data: theirs,
    };
    (NetClient::new(transmit, receive), ours, side)
}

/// Passes what one session sends to the other, as long as that has buffers; the rest is dropped.
fn pass(from: &mut Side, to: &mut Side, buffers: &RefCell<Vec<NetRequest>>) {
    while let Some(buffer) = to.receive.recv().unwrap() {
        assert_eq!((buffer.op, buffer.length), (Op::Receive as u8, 2048));
        buffers.borrow_mut().push(buffer);
    }
    while let Some(sent) = from.transmit.recv().unwrap() {
        assert!(sent.op == Op::Transmit as u8 && sent.offset >= 16 && sent.length <= 1514);
        let mut frame = vec![0; sent.length as usize];
        assert!(from.data.read(sent.offset as usize, &mut frame));
        if !buffers.borrow().is_empty() {
            let buffer = buffers.borrow_mut().remove(0);
            assert!(to.data.write(buffer.offset as usize, &frame));
            let (id, length) = (buffer.id, sent.length);
            to.receive
                .send(&NetResponse {
                    id,
                    length,
                    ..NetResponse::default()
                })
                .unwrap();
        }
        from.transmit
            .send(&NetResponse {
                id: sent.id,
                ..NetResponse::default()
            })
            .unwrap();
    }
    let _ = from.transmit.publish();
    let _ = to.receive.publish();
}

#[test]
fn connection_over_two_sessions_carries_every_byte() {
    let ((mut a, mut side_a), (mut b, mut side_b)) = (session(), session());
    let start = Instant::from_millis(0);
    let cidr = |last| Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, last), 24);
    let mut host_a = Host::with_address([2, 0, 0, 0, 0, 1], cidr(1), &mut a, start, 1);
    let mut host_b = Host::with_address([2, 0, 0, 0, 0, 2], cidr(2), &mut b, start, 2);
    let socket = || {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        tcp::Socket::new(buffer(), buffer())
    };
    let mut server = socket();
    server.listen(7).unwrap();
    let server = host_b.sockets.add(server);
    let client = host_a.sockets.add(socket());
    host_a
        .connect(client, (Ipv4Address::new(10, 0, 0, 2), 7), 50000)
        .unwrap();
    let bytes: Vec<u8> = (0..300_000u32).map(|at| (at * 7 + at / 251) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    let (to_a, to_b) = (Rc::default(), Rc::default());
    for ms in 0..20_000 {
        let now = Instant::from_millis(ms);
        let socket = host_a.sockets.get_mut::<tcp::Socket<'_>>(client);
        if socket.can_send() {
            sent += socket.send_slice(&bytes[sent..]).unwrap();
        }
        host_a.poll(now, &mut a);
        host_b.poll(now, &mut b);
        let socket = host_b.sockets.get_mut::<tcp::Socket<'_>>(server);
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    got.extend_from_slice(bytes);
                    (bytes.len(), ())
                })
                .unwrap();
        }
        a.commit(&mut Nobody);
        b.commit(&mut Nobody);
        pass(&mut side_a, &mut side_b, &to_b);
        pass(&mut side_b, &mut side_a, &to_a);
        if got.len() == bytes.len() {
            break;
        }
    }
    assert!(got == bytes, "{} of {}", got.len(), bytes.len());
    assert_eq!((a.broken(), b.broken()), (None, None));
}

struct Reflects(u16);

impl Answers for Reflects {
    fn answer(&mut self, port: u16, _: &[u8]) -> Answer {
        if port == self.0 {
            Answer::Same
        } else {
            Answer::Nobody
        }
    }
}

#[test]
fn datagrams_go_back_beside_the_library_which_has_its_own() {
    let (mut a, mut side_a) = session();
    let (client, data, mut side_b) = ends(FRAMES);
    let address = Ipv4Address::new(10, 0, 0, 2);
    let mut b = Session::answering(client, data, &info(), address, Reflects(7)).unwrap();
    let start = Instant::from_millis(0);
    let cidr = |last| Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, last), 24);
    let mut host_a = Host::with_address([2, 0, 0, 0, 0, 1], cidr(1), &mut a, start, 1);
    let mut host_b = Host::with_address([2, 0, 0, 0, 0, 2], cidr(2), &mut b, start, 2);
    let socket = |port| {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 16 * 1472]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        socket
    };
    let library = host_b.sockets.add(socket(8));
    let client = host_a.sockets.add(socket(5000));
    let (to_a, to_b) = (Rc::default(), Rc::default());
    let (mut back, mut theirs) = (0u32, 0u32);
    for ms in 0..1000u32 {
        let now = Instant::from_millis(ms);
        let client = host_a.sockets.get_mut::<udp::Socket<'_>>(client);
        for port in [7, 8] {
            let _ = client.send_slice(&vec![ms as u8; (ms % 1473) as usize], (address, port));
        }
        while let Ok((bytes, from)) = client.recv() {
            assert_eq!(from.endpoint, (address, 7).into());
            assert!(bytes.iter().all(|byte| *byte == bytes[0]));
            back += 1;
        }
        host_a.poll(now, &mut a);
        host_b.poll(now, &mut b);
        while host_b.sockets.get_mut::<udp::Socket<'_>>(library).recv().is_ok() {
            theirs += 1;
        }
        a.commit(&mut Nobody);
        b.commit(&mut Nobody);
        pass(&mut side_a, &mut side_b, &to_b);
        pass(&mut side_b, &mut side_a, &to_a);
    }
    // The first ones waited for an address that is asked for once a second.
    assert!(
        back > 900 && theirs > 900,
        "{back} came back, {theirs} came to the library"
    );
    assert_eq!(
        (a.broken(), b.broken(), a.dropped(), b.dropped()),
        (None, None, 0, 0)
    );
}

#[test]
fn nonsense_of_the_shadow_ends_the_session_and_harms_nothing() {
    for (id, status) in [(2 * FRAMES as u32, 0), (0, 200), (u32::MAX, 0)] {
        let (mut session, mut side) = session();
        session.commit(&mut Nobody);
        side.receive
            .send(&NetResponse {
                id,
                status,
                length: 60,
                ..NetResponse::default()
            })
            .unwrap();
        let _ = side.receive.publish();
        let mut host = Host::new([2, 0, 0, 0, 0, 1], &mut session, Instant::ZERO, 1);
        Dhcp::new(&mut host);
        host.poll(Instant::ZERO, &mut session);
        assert!(session.broken().is_some());
    }
}

#[test]
fn frames_that_are_none_are_dropped_and_their_buffers_posted_again() {
    let (mut session, mut side) = session();
    session.commit(&mut Nobody);
    let mut host = Host::new([2, 0, 0, 0, 0, 1], &mut session, Instant::ZERO, 1);
    Dhcp::new(&mut host);
    for round in 0..50 {
        while let Some(buffer) = side.receive.recv().unwrap() {
            let (length, status) =
                [(13, 0), (2049, 0), (u32::MAX, 0), (60, Status::Truncated as u8)][round % 4];
            side.receive
                .send(&NetResponse {
                    id: buffer.id,
                    status,
                    length,
                    ..NetResponse::default()
                })
                .unwrap();
        }
        let _ = side.receive.publish();
        host.poll(Instant::ZERO, &mut session);
        session.commit(&mut Nobody);
    }
    assert_eq!(
        (session.broken(), session.dropped()),
        (None, 50 * 2 * FRAMES as u64)
    );
}

#[test]
fn burst_finds_two_buffers_for_each_frame_that_can_be_on_its_way_out() {
    let (mut session, mut side) = session_of(32);
    let mut host = Host::new([2, 0, 0, 0, 0, 1], &mut session, Instant::ZERO, 1);
    Dhcp::new(&mut host);
    for _ in 0..10 {
        session.commit(&mut Nobody);
        let mut ids = 0u64;
        while let Some(buffer) = side.receive.recv().unwrap() {
            ids |= 1 << buffer.id;
            side.receive
                .send(&NetResponse {
                    id: buffer.id,
                    length: 60,
                    ..NetResponse::default()
                })
                .unwrap();
        }
        assert_eq!(ids, u64::MAX);
        let _ = side.receive.publish();
        // All of one poll: a flood does not get more.
        host.poll(Instant::ZERO, &mut session);
    }
    assert_eq!(session.broken(), None);
}

#[test]
fn buffer_of_a_frame_that_no_driver_sent_is_not_used_before_the_device_works() {
    let (mut session, mut side) = session();
    let mut host = Host::new([2, 0, 0, 0, 0, 1], &mut session, Instant::ZERO, 1);
    Dhcp::new(&mut host);
    let mut answered = 0;
    for second in 0..500 {
        host.poll(Instant::from_secs(second), &mut session);
        session.commit(&mut Nobody);
        while let Some(sent) = side.transmit.recv().unwrap() {
            let (id, status) = (sent.id, Status::Offline as u8);
            side.transmit
                .send(&NetResponse {
                    id,
                    status,
                    ..NetResponse::default()
                })
                .unwrap();
            answered += 1;
        }
        let _ = side.transmit.publish();
    }
    assert_eq!((answered, session.waits_for_device()), (FRAMES, true));
    session.device_works();
    host.poll(Instant::from_secs(1000), &mut session);
    session.commit(&mut Nobody);
    assert!(side.transmit.recv().unwrap().is_some() && !session.waits_for_device());
}

#[test]
fn session_that_cannot_send_sleeps_though_frames_have_come() {
    let (mut session, mut side) = session();
    let mut host = Host::new([2, 0, 0, 0, 0, 1], &mut session, Instant::ZERO, 1);
    Dhcp::new(&mut host);
    // No driver sends anything: the host asks for an address until no buffer is left.
    for second in 0..500 {
        host.poll(Instant::from_secs(second), &mut session);
        session.commit(&mut Nobody);
    }
    assert!(!session.has_room());
    let buffer = side.receive.recv().unwrap().unwrap();
    let came = NetResponse {
        id: buffer.id,
        length: 60,
        ..NetResponse::default()
    };
    side.receive.send(&came).unwrap();
    let _ = side.receive.publish();
    host.poll(Instant::from_secs(500), &mut session);
    session.commit(&mut Nobody);
    assert!(session.sleep(), "nothing can be done before a frame is sent");
    session.awake();
    let sent = side.transmit.recv().unwrap().unwrap();
    let answer = NetResponse {
        id: sent.id,
        ..NetResponse::default()
    };
    assert!(session.sleep());
    side.transmit.send(&answer).unwrap();
    assert!(side.transmit.publish(), "the session wants to know of that");
    assert!(!session.sleep());
    host.poll(Instant::from_secs(500), &mut session);
    assert_eq!(session.dropped(), 0);
    session.commit(&mut Nobody);
    assert!(side.receive.recv().unwrap().is_some(), "the frame was taken");
}
