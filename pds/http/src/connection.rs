//! One connection: request after request, each answered before the next is looked at.

use alloc::boxed::Box;

use heapless::Vec;
use ip_session::place;
use shared_ring::page::Page;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

use crate::files::{Files, Read};
use crate::request::{HEAD_MAX, Method, Refusal};
use crate::response::Head;
use crate::route::Path;
use crate::server::World;

mod answer;
mod listen;

/// How long a head may take from its first byte to its last, in ms.
pub const HEAD_MS: u64 = 10_000;
/// How long a connection may be idle between requests, in ms.
pub const IDLE_MS: u64 = 60_000;
/// How long who knocks may take to come in, in ms: an answer that is lost comes again after 1, 3 and 7 s.
pub const KNOCK_MS: u64 = 10_000;
/// How long an answer may make no progress, and how long it may take beyond a ms for each byte, in ms.
pub const STALL_MS: u64 = 30_000;
/// How long a client may take to close, in ms.
pub const CLOSE_MS: u64 = 2_000;

/// A place for a connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number among all.
    number: usize,
    socket: SocketHandle,
    step: Step,
    /// What has come of the next request.
    head: Vec<u8, HEAD_MAX>,
    /// When there was progress last, in ms.
    since: u64,
    /// Since when it has been answering, in ms.
    begun: u64,
    /// Bytes of the answer that were said.
    said: u64,
    /// The connection is to be used for more.
    keep_alive: bool,
    /// It was used before.
    in_use: bool,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one for each connection, for ever, and most are answering"
)]
enum Step {
    /// Somebody knocks: it may be that nobody is there.
    Knocked,
    /// Nobody is there, or nothing is asked for.
    Idle,
    /// A file is wanted, but there is no place for it yet.
    Wanting(Path, Method),
    /// A file is being opened.
    Opening(usize, Method),
    /// An answer is on its way.
    Answering(Head, usize, Body),
    /// All is said.
    Closing,
}

#[derive(Debug)]
enum Body {
    None,
    Text(&'static str, usize),
    Made(Box<str>, usize),
    File {
        index: usize,
        position: u32,
        size: u32,
        taken: usize,
    },
}

impl Connection {
    /// On this socket.
    pub fn new(number: usize, socket: SocketHandle) -> Self {
        Self {
            number,
            socket,
            step: Step::Idle,
            head: Vec::new(),
            since: 0,
            begun: 0,
            said: 0,
            keep_alive: true,
            in_use: false,
        }
    }

    /// Its socket.
    pub fn socket(&self) -> SocketHandle {
        self.socket
    }

    /// Whether it has asked for anything yet, and since when it has been waiting for a request or the rest of one, in ms; `None`: it is
    /// not.
    pub fn idle_since(&self) -> Option<(bool, u64)> {
        self.is_idle().then_some((self.in_use, self.since))
    }

    /// Since when somebody has been knocking who has not come in, in ms.
    pub fn knocked_since(&self) -> Option<u64> {
        matches!(self.step, Step::Knocked).then_some(self.since)
    }

    fn is_idle(&self) -> bool {
        matches!(self.step, Step::Idle)
    }

    /// All is said, and it is about to end.
    pub fn is_leaving(&self) -> bool {
        matches!(self.step, Step::Closing)
    }

    /// When it must be looked at again if nothing happens, in ms.
    pub fn deadline(&self) -> u64 {
        let patience = match self.step {
            Step::Knocked => KNOCK_MS,
            Step::Idle if self.head.is_empty() => IDLE_MS,
            Step::Idle => HEAD_MS,
            // Whoever takes a byte now and then must not keep a place, and a file, for ever.
            Step::Wanting(..) | Step::Opening(..) | Step::Answering(..) => {
                let slowest = self.begun.saturating_add(self.said);
                return self.since.min(slowest).saturating_add(STALL_MS);
            }
            Step::Closing => CLOSE_MS,
        };
        self.since.saturating_add(patience)
    }

    /// Does what can be done without waiting. True: something was.
    pub fn serve<P: Page>(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        files: &mut Files<P>,
        world: &mut World<'_>,
    ) -> bool {
        if !socket.is_open() {
            return self.begin_anew(socket, files, world);
        }
        if socket.is_listening() {
            // Also who knocked and went away again.
            (self.step, self.since) = (Step::Idle, world.now);
            return false;
        }
        match (socket.state(), &self.step) {
            (tcp::State::SynReceived, Step::Knocked) => {}
            // A place is looked at when something happens: it was free until now.
            (tcp::State::SynReceived, _) => (self.step, self.since) = (Step::Knocked, world.now),
            (_, Step::Knocked) => (self.step, self.since) = (Step::Idle, world.now),
            _ => {}
        }
        let mut any = false;
        // A step forward each time, and never more than there is in the socket: this ends.
        loop {
            let (queued, idle, leaving) = (socket.send_queue(), self.is_idle(), self.is_leaving());
            if !self.step_forward(socket, files, world) {
                break;
            }
            if idle {
                (self.begun, self.said) = (world.now, 0);
            }
            self.said += socket.send_queue().saturating_sub(queued) as u64;
            if !leaving {
                self.since = world.now;
            }
            any = true;
        }
        if world.now >= self.deadline() {
            any |= self.lose_patience(socket, files, world);
        }
        any
    }

    /// The peer is gone: wait for another.
    fn begin_anew<P: Page>(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        files: &mut Files<P>,
        world: &World<'_>,
    ) -> bool {
        if !self.is_leaving() {
            self.let_go(files);
            (self.step, self.since) = (Step::Closing, world.now);
        }
        self.head.clear();
        self.in_use = false;
        // Bytes that were asked for may still come, to where the next one's would be.
        if matches!(files.read_state(self.number), Read::Asked(_)) {
            self.since = world.now;
            return false;
        }
        if !place::listen_again(socket, world.port, world.now < self.deadline()) {
            return false;
        }
        self.step = Step::Idle;
        files.used(self.number);
        self.since = world.now;
        true
    }

    /// Wants no file any more.
    fn let_go<P: Page>(&mut self, files: &mut Files<P>) {
        match self.step {
            Step::Opening(index, _) | Step::Answering(_, _, Body::File { index, .. }) => files.release(index),
            _ => {}
        }
    }

    fn lose_patience<P: Page>(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        files: &mut Files<P>,
        world: &mut World<'_>,
    ) -> bool {
        (self.since, self.begun, self.said) = (world.now, world.now, 0);
        match self.step {
            Step::Idle if self.head.is_empty() => self.close(socket),
            Step::Idle => {
                self.refuse(Refusal::Timeout, Method::Get, world.tally);
            }
            Step::Knocked => {
                world.tally.given_up += 1;
                self.turn_away(socket, world.port);
            }
            Step::Wanting(..) | Step::Opening(..) | Step::Answering(..) | Step::Closing => {
                world.tally.given_up += 1;
                self.let_go(files);
                self.step = Step::Closing;
                socket.abort();
            }
        }
        true
    }

    /// Says nothing more.
    pub fn close(&mut self, socket: &mut tcp::Socket<'_>) {
        place::close(socket);
        self.step = Step::Closing;
    }

    /// Whoever knocked, or never asked for anything, has to leave, and is not told: the place would have to wait for that, and it may be
    /// that nobody is there, or somebody who does not want to go.
    pub fn turn_away(&mut self, socket: &mut tcp::Socket<'_>, port: u16) {
        socket.abort();
        place::listen_again(socket, port, false);
        self.head.clear();
        self.step = Step::Idle;
    }

    fn step_forward<P: Page>(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        files: &mut Files<P>,
        world: &mut World<'_>,
    ) -> bool {
        match &mut self.step {
            Step::Knocked => false,
            Step::Idle => self.listen_to(socket, world),
            Step::Wanting(path, method) => {
                let Some(index) = files.want(path) else {
                    return false;
                };
                self.step = Step::Opening(index, *method);
                true
            }
            Step::Opening(index, method) => {
                let (index, method) = (*index, *method);
                self.opened(index, method, files, world)
            }
            Step::Answering(..) => self.answer(socket, files),
            Step::Closing => {
                // What the client still says is not listened to, but taken, so that it can say it.
                socket
                    .recv(|bytes| (bytes.len(), !bytes.is_empty()))
                    .unwrap_or(false)
            }
        }
    }
}
