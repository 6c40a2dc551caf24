//! Echo (RFC 862) and discard (RFC 863) over TCP and UDP: what latency and throughput are measured with.
//!
//! A client that sends and does not read what comes back stops itself: what has no room is not taken.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use ip_session::answers::{Answer, Answers};
use ip_session::place;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};

/// Port of echoes.
pub const ECHO: u16 = 7;
/// Port where what comes is forgotten.
pub const DISCARD: u16 = 9;
/// Bytes of each direction of a TCP connection.
const STREAM: usize = 16 * 1024;
/// A client that answers nothing for so long is gone.
const GONE: Duration = Duration::from_secs(60);
/// So long it is tried to tell a peer that its connection is over.
const TELL: Duration = Duration::from_secs(2);

/// What is counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes that came back, by TCP.
    pub echoed_bytes: u64,
    /// Bytes that were forgotten, by TCP.
    pub discarded_bytes: u64,
}

/// A place for a connection of one of the services.
#[derive(Debug)]
struct Stream {
    socket: SocketHandle,
    port: u16,
    /// Since when a peer has to be told that its connection is over.
    untold: Option<Instant>,
}

/// The services by UDP.
#[derive(Clone, Copy, Debug)]
pub struct Datagrams;

impl Answers for Datagrams {
    fn answer(&mut self, port: u16, _: &[u8]) -> Answer {
        match port {
            ECHO => Answer::Same,
            DISCARD => Answer::Nothing,
            _ => Answer::Nobody,
        }
    }
}

/// The services by TCP.
#[derive(Debug)]
pub struct Echo {
    streams: Vec<Stream>,
    tally: Tally,
}

impl Echo {
    /// With so many TCP connections for each service, and their sockets.
    pub fn new(sockets: &mut SocketSet<'_>, connections: usize) -> Self {
        let ports = [ECHO, DISCARD];
        let streams = ports
            .iter()
            .flat_map(|port| core::iter::repeat_n(*port, connections));
        let streams = streams.map(|port| {
            let buffer = || tcp::SocketBuffer::new(vec![0; STREAM]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            socket.set_timeout(Some(GONE));
            socket.set_keep_alive(Some(GONE / 4));
            socket.set_nagle_enabled(false);
            Stream {
                socket: sockets.add(socket),
                port,
                untold: None,
            }
        });
        let streams = streams.collect();
        Self {
            streams,
            tally: Tally::default(),
        }
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Does what can be done without waiting. True: something was, and there may be frames to send.
    pub fn serve(&mut self, now: Instant, sockets: &mut SocketSet<'_>) -> bool {
        let mut any = false;
        for stream in &mut self.streams {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(stream.socket);
            any |= if socket.is_open() {
                serve(socket, stream.port, &mut self.tally)
            } else {
                stream.listen_again(now, socket)
            };
        }
        any
    }
}

impl Stream {
    fn listen_again(&mut self, now: Instant, socket: &mut tcp::Socket<'_>) -> bool {
        let untold = *self.untold.get_or_insert(now);
        let listens = place::listen_again(socket, self.port, now < untold + TELL);
        if listens {
            self.untold = None;
        }
        listens
    }
}

fn serve(socket: &mut tcp::Socket<'_>, port: u16, tally: &mut Tally) -> bool {
    let room = if port == ECHO {
        socket.send_capacity() - socket.send_queue()
    } else {
        usize::MAX
    };
    let mut taken = 0;
    if room > 0 && socket.can_recv() {
        let mut piece = [0; 2048];
        let most = room.min(piece.len());
        taken = socket.recv_slice(&mut piece[..most]).unwrap_or(0);
        if port == ECHO {
            // There is room, unless the peer hears nothing more.
            let sent = socket.send_slice(&piece[..taken]).unwrap_or(0);
            tally.echoed_bytes += sent as u64;
        } else {
            tally.discarded_bytes += taken as u64;
        }
    }
    // The peer has said everything.
    if socket.state() == tcp::State::CloseWait && !socket.can_recv() {
        place::close(socket);
        return true;
    }
    taken > 0
}
