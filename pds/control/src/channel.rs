//! The command channel: bytes in, frames, requests, replies, bytes out.
//!
//! One request at a time: the next is looked at when the reply before it has left, so that nothing piles up here. A
//! repeated question with an effect is answered from a small memory and not executed again.

use control_protocol::frame::{self, Kind, MAX_FRAME};
use control_protocol::{CHUNK_MAX, Decoder, Error, Frame, Reply, Request, VERSION};
use heapless::{Deque, Vec};

use crate::history::Asker;

/// Answers that are kept for repeated questions.
const KEPT: usize = 16;
/// Askers of whom it is known how far their orders are.
const ASKERS: usize = 16;
/// Longest answer that is kept: that to a request with an effect is short.
const KEPT_LEN: usize = 64;

/// Decoder, answers that are kept, and the reply on its way out.
#[derive(Debug)]
pub struct Channel {
    decoder: Decoder,
    answered: Deque<Answer, KEPT>,
    newest: Newest,
    out: [u8; MAX_FRAME],
    out_from: usize,
    out_to: usize,
}

#[derive(Debug)]
struct Answer {
    session: u64,
    request: u32,
    payload: Vec<u8, KEPT_LEN>,
}

/// The newest order of each asker, the least recent asker first: what is older was answered, or overtaken on the way.
#[derive(Debug)]
struct Newest(Deque<Asker, ASKERS>);

impl Newest {
    /// The order is newer than all of this asker's before; from now on it is the newest.
    fn is_new(&mut self, order: Asker) -> bool {
        let known = self.0.iter().find(|asker| asker.session == order.session);
        // The count of requests may wrap.
        if known.is_some_and(|asker| order.request.wrapping_sub(asker.request) as i32 <= 0) {
            return false;
        }
        self.0.retain(|asker| asker.session != order.session);
        if self.0.is_full() {
            self.0.pop_front();
        }
        // There is room by the lines above.
        let _ = self.0.push_back(order);
        true
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self::new()
    }
}

impl Channel {
    /// A quiet one.
    pub const fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            answered: Deque::new(),
            newest: Newest(Deque::new()),
            out: [0; MAX_FRAME],
            out_from: 0,
            out_to: 0,
        }
    }

    /// Takes as many of the bytes as there is room for and says how many. None while a reply waits to leave and the
    /// room for requests is full.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        self.decoder.feed(bytes)
    }

    /// Bytes on their way out.
    pub fn output(&self) -> &[u8] {
        &self.out[self.out_from..self.out_to]
    }

    /// So many bytes of [`output`](Self::output) have left.
    pub fn sent(&mut self, bytes: usize) {
        self.out_from = self.out_from.saturating_add(bytes).min(self.out_to);
    }

    /// Answers the next request, if the last reply has left and there is one. `execute` does what the request says; it
    /// gets the numbers of skipped bytes and damaged frames, and room for the bytes of its reply. True: there may be more.
    pub fn serve<F>(&mut self, execute: F) -> bool
    where
        F: for<'b> FnOnce(Asker, Option<Request<'_>>, (u64, u64), &'b mut [u8; CHUNK_MAX]) -> Reply<'b>,
    {
        if !self.output().is_empty() {
            return false;
        }
        let noise = (self.decoder.skipped(), self.decoder.damaged());
        let Some(frame) = self.decoder.next_frame() else {
            return false;
        };
        let len = match (frame.kind, frame.version) {
            (Kind::Request, VERSION) => {
                let memory = (&mut self.answered, &mut self.newest);
                answer(memory, &mut self.out, &frame, noise, execute)
            }
            (Kind::Request, _) => {
                frame::encode_other_version(&mut self.out, frame.session, frame.request).len()
            }
            // Not for us: an echo, perhaps.
            _ => 0,
        };
        (self.out_from, self.out_to) = (0, len);
        true
    }
}

/// Encodes the answer to a frame of our version into `out`; answers its length.
fn answer<F>(
    (answered, newest): (&mut Deque<Answer, KEPT>, &mut Newest),
    out: &mut [u8; MAX_FRAME],
    frame: &Frame<'_>,
    noise: (u64, u64),
    execute: F,
) -> usize
where
    F: for<'b> FnOnce(Asker, Option<Request<'_>>, (u64, u64), &'b mut [u8; CHUNK_MAX]) -> Reply<'b>,
{
    let (session, number) = (frame.session, frame.request);
    if let Some(kept) = answered
        .iter()
        .find(|kept| kept.session == session && kept.request == number)
    {
        return frame::encode_bytes(out, Kind::Reply, session, number, &kept.payload).map_or(0, <[u8]>::len);
    }
    let request = frame.message::<Request<'_>>();
    let mut buffer = [0; CHUNK_MAX];
    let asker = Asker {
        session,
        request: number,
    };
    let has_effect = request.is_some_and(|request| request.has_effect());
    let reply = if has_effect && !newest.is_new(asker) {
        Reply::Error(Error::Stale)
    } else {
        execute(asker, request, noise, &mut buffer)
    };
    // Every reply fits a frame (tested in `control-protocol`); one that did not would be silence.
    let encoded = frame::encode(out, Kind::Reply, session, number, &reply).unwrap_or(&[]);
    if has_effect {
        let payload = encoded
            .get(frame::HEADER..encoded.len().saturating_sub(frame::TRAILER))
            .unwrap_or(&[]);
        if let Ok(payload) = Vec::from_slice(payload) {
            if answered.is_full() {
                answered.pop_front();
            }
            // There is room by the line above.
            let _ = answered.push_back(Answer {
                session,
                request: number,
                payload,
            });
        }
    }
    encoded.len()
}
