//! What is said: a head, and a body as fast as the client takes it.

use file_service::Status as FileStatus;
use shared_ring::page::Page;
use smoltcp::socket::tcp;

use super::{Body, Connection, Step};
use crate::files::{Files, Progress, Read};
use crate::request::{Method, Refusal};
use crate::response;
use crate::route::media_type;
use crate::server::{Tally, World};

impl Connection {
    pub(super) fn opened<P: Page>(
        &mut self,
        index: usize,
        method: Method,
        files: &mut Files<P>,
        world: &mut World<'_>,
    ) -> bool {
        match files.progress(index) {
            Progress::Opening => false,
            Progress::Open(size) => {
                let head = response::ok(media_type(files.path(index)), size.into(), self.keep_alive);
                let body = if method == Method::Get {
                    Body::File {
                        index,
                        position: 0,
                        size,
                        taken: 0,
                    }
                } else {
                    files.release(index);
                    Body::None
                };
                self.step = Step::Answering(head, 0, body);
                true
            }
            Progress::Failed(status) => {
                files.release(index);
                let refusal = match status {
                    FileStatus::NotFound | FileStatus::BadPath | FileStatus::WrongKind => Refusal::NotFound,
                    _ => Refusal::Unavailable,
                };
                self.refuse(refusal, method, world.tally);
                true
            }
        }
    }

    pub(super) fn refuse(&mut self, refusal: Refusal, method: Method, tally: &mut Tally) {
        tally.refused += 1;
        self.keep_alive &= matches!(refusal, Refusal::NotFound | Refusal::Unavailable);
        let head = response::refused(refusal, self.keep_alive, method == Method::Head);
        self.step = Step::Answering(head, 0, Body::None);
    }

    pub(super) fn answer<P: Page>(&mut self, socket: &mut tcp::Socket<'_>, files: &mut Files<P>) -> bool {
        let Step::Answering(head, sent, body) = &mut self.step else {
            return false;
        };
        if *sent < head.len() {
            let now = socket.send_slice(&head.as_bytes()[*sent..]).unwrap_or(0);
            *sent += now;
            return now > 0;
        }
        let over = match body {
            Body::None => true,
            Body::Text(text, sent) => {
                let now = socket
                    .send_slice(text.as_bytes().get(*sent..).unwrap_or_default())
                    .unwrap_or(0);
                *sent += now;
                if *sent < text.len() {
                    return now > 0;
                }
                true
            }
            Body::Made(text, sent) => {
                let now = socket
                    .send_slice(text.as_bytes().get(*sent..).unwrap_or_default())
                    .unwrap_or(0);
                *sent += now;
                if *sent < text.len() {
                    return now > 0;
                }
                true
            }
            Body::File {
                index,
                position,
                size,
                taken,
            } if *position < *size => {
                match files.read_state(self.number) {
                    Read::Idle => match files.progress(*index) {
                        Progress::Open(now) if now == *size => {
                            files.read(*index, self.number, *position, *size - *position);
                            return true;
                        }
                        Progress::Opening => return false,
                        // Another file than the one whose length was said.
                        Progress::Open(_) | Progress::Failed(_) => {}
                    },
                    Read::Asked(_) => return false,
                    Read::Failed(FileStatus::BadHandle) => {
                        files.used(self.number);
                        files.reopen(*index);
                        return true;
                    }
                    Read::Here(len) if len > 0 => {
                        let (number, from) = (self.number, *taken);
                        let left = len as usize - from;
                        let now = socket.send(|room| {
                            let now = room.len().min(left);
                            let copied = files.copy(number, from, &mut room[..now]);
                            (if copied { now } else { 0 }, now)
                        });
                        let now = now.unwrap_or(0);
                        *taken += now;
                        if *taken == len as usize {
                            (*position, *taken) = (*position + len, 0);
                            files.used(number);
                        }
                        return now > 0;
                    }
                    Read::Here(_) | Read::Failed(_) => {}
                }
                // A body that cannot be finished must not look as if it were.
                files.used(self.number);
                files.release(*index);
                self.step = Step::Closing;
                socket.abort();
                return true;
            }
            Body::File { index, .. } => {
                files.release(*index);
                true
            }
        };
        if over && self.keep_alive {
            self.step = Step::Idle;
        } else {
            self.close(socket);
        }
        true
    }
}
