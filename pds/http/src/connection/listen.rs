//! What a client asks for.

use smoltcp::socket::tcp;

use super::{Body, Connection, Step};
use crate::request::{HEAD_MAX, Method, Parsed, Refusal, Request, parse};
use crate::response;
use crate::route::{Route, route};
use crate::server::World;

impl Connection {
    /// The next request, as far as it has come.
    pub(super) fn listen_to(&mut self, socket: &mut tcp::Socket<'_>, world: &mut World<'_>) -> bool {
        let room = HEAD_MAX - self.head.len();
        let head = &mut self.head;
        let came = socket.recv(|bytes| {
            let bytes = &bytes[..bytes.len().min(room)];
            // There is room for these.
            let _ = head.extend_from_slice(bytes);
            (bytes.len(), bytes.len())
        });
        let first = self.head.len() == came.unwrap_or(0);
        if self.head.is_empty() {
            if !socket.may_recv() {
                self.close(socket);
                return true;
            }
            return false;
        }
        match parse(&self.head) {
            Parsed::Complete(request, len) => {
                self.keep_alive = request.keep_alive && socket.may_recv();
                self.in_use = true;
                world.tally.requests += 1;
                let step = begin(request, self.keep_alive, world);
                let left = self.head.len() - len;
                self.head.copy_within(len.., 0);
                self.head.truncate(left);
                match step {
                    Ok(step) => self.step = step,
                    Err((refusal, method)) => self.refuse(refusal, method, world.tally),
                }
                true
            }
            Parsed::Refused(refusal) => {
                self.keep_alive = false;
                self.refuse(refusal, Method::Get, world.tally);
                true
            }
            Parsed::Incomplete if !socket.may_recv() => {
                self.close(socket);
                true
            }
            // The time of a head is counted from its first byte, however slowly the others come.
            Parsed::Incomplete => first && came.is_ok_and(|came| came > 0),
        }
    }
}

/// The first step towards the answer.
fn begin(request: Request<'_>, keep_alive: bool, world: &mut World<'_>) -> Result<Step, (Refusal, Method)> {
    let method = request.method;
    let only = |body| if method == Method::Get { body } else { Body::None };
    Ok(
        match route(request.target).map_err(|refusal| (refusal, method))? {
            Route::Page => {
                let head = response::ok("text/html; charset=utf-8", world.page.len() as u64, keep_alive);
                Step::Answering(head, 0, only(Body::Text(world.page, 0)))
            }
            Route::Status => {
                let text = (world.status)(*world.tally);
                let head = response::ok("application/json", text.len() as u64, keep_alive);
                Step::Answering(head, 0, only(Body::Made(text, 0)))
            }
            Route::File(path) => Step::Wanting(path, method),
        },
    )
}
