//! All connections: who is listened to, who is served, who has to leave.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use shared_ring::page::Page;
use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp;
use smoltcp::time::Duration;

use crate::connection::Connection;
use crate::files::Files;

/// Bytes that a client may send ahead.
const RECEIVE: usize = 2048;
/// Bytes that are on their way to a client.
const SEND: usize = 8192;
/// An idle connection stays this long even if others want its place, in ms.
const GRACE_MS: u64 = 1000;
/// So long who knocks has to come in while no other place is free, in ms. Beyond a longer way, and where frames are lost, he is let in only
/// while there are places: nobody can tell him from one who is not there.
const KNOCK_GRACE_MS: u64 = 100;
/// A client that answers nothing for so long is gone.
const GONE: Duration = Duration::from_secs(60);

/// What is counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that made sense.
    pub requests: u64,
    /// Refusals, of requests that did and that did not.
    pub refused: u64,
    /// Connections given up on in the middle of an answer, or before they came in.
    pub given_up: u64,
    /// Connections that were idle, or had not come in, and ended to make room.
    pub made_room: u64,
    /// Connections at this moment.
    pub connections: u64,
}

/// What connections need beside their sockets and the files.
pub struct World<'a> {
    /// ms.
    pub now: u64,
    /// Where they come in.
    pub port: u16,
    /// The status page.
    pub page: &'static str,
    /// Makes what the page shows.
    pub status: &'a dyn Fn(Tally) -> Box<str>,
    /// What is counted.
    pub tally: &'a mut Tally,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    connections: Vec<Connection>,
    port: u16,
    page: &'static str,
    tally: Tally,
}

impl Server {
    /// With places for so many connections, and a socket for each.
    pub fn new(sockets: &mut SocketSet<'_>, connections: usize, port: u16, page: &'static str) -> Self {
        let connections = (0..connections).map(|number| {
            let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
            let mut socket = tcp::Socket::new(buffer(RECEIVE), buffer(SEND));
            socket.set_timeout(Some(GONE));
            socket.set_keep_alive(Some(GONE / 4));
            // Answers are handed over in as large pieces as there are.
            socket.set_nagle_enabled(false);
            Connection::new(number, sockets.add(socket))
        });
        Self {
            connections: connections.collect(),
            port,
            page,
            tally: Tally::default(),
        }
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Does for every connection what can be done without waiting. True: something was, and there may be frames to send.
    pub fn serve<P: Page>(
        &mut self,
        now: u64,
        sockets: &mut SocketSet<'_>,
        files: &mut Files<P>,
        status: &dyn Fn(Tally) -> Box<str>,
    ) -> bool {
        files.awake();
        let mut any = files.collect();
        let (mut listening, mut taken) = (0, 0);
        for connection in &mut self.connections {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(connection.socket());
            let mut world = World {
                now,
                port: self.port,
                page: self.page,
                status,
                tally: &mut self.tally,
            };
            any |= connection.serve(socket, files, &mut world);
            // A place that is about to be free is as good as free.
            listening += u32::from(socket.is_listening() || connection.is_leaving());
            taken += u64::from(socket.is_active());
        }
        self.tally.connections = taken;
        if listening == 0 {
            any |= self.make_room(now, sockets);
        }
        any
    }

    /// When something must be done if nothing happens, in ms.
    pub fn deadline(&self) -> Option<u64> {
        self.connections.iter().map(Connection::deadline).min()
    }

    /// Nobody else can come in: who has knocked for longest and is not in has to leave, since it may be that nobody is there; or else the
    /// connection that has been idle for longest, of those that never asked for anything, or else of all.
    fn make_room(&mut self, now: u64, sockets: &mut SocketSet<'_>) -> bool {
        let connections = self.connections.iter_mut();
        let knocks = connections.filter_map(|connection| Some((connection.knocked_since()?, connection)));
        let longest = knocks.min_by_key(|(since, _)| *since);
        if let Some((_, connection)) =
            longest.filter(|(since, _)| now >= since.saturating_add(KNOCK_GRACE_MS))
        {
            self.tally.made_room += 1;
            connection.turn_away(sockets.get_mut(connection.socket()), self.port);
            return true;
        }
        let idle = self.connections.iter_mut().filter_map(|connection| {
            let idle = connection.idle_since()?;
            Some((idle, connection))
        });
        let first = idle.min_by_key(|(idle, _)| *idle);
        let Some(((has_asked, _), connection)) =
            first.filter(|((_, since), _)| now >= since.saturating_add(GRACE_MS))
        else {
            return false;
        };
        self.tally.made_room += 1;
        let socket = sockets.get_mut(connection.socket());
        if has_asked {
            connection.close(socket);
        } else {
            connection.turn_away(socket, self.port);
        }
        true
    }
}
