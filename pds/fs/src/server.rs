//! All clients in turn: each gets one request served before any gets a second.

use fat_partition::Sectors;
use shared_ring::page::Page;

use crate::session::Session;
use crate::volume::Volume;

/// The server's core.
pub struct Server<S: Sectors, P, const N: usize> {
    volume: Volume<S>,
    /// None: there is none, or its client broke the rules of the link.
    sessions: [Option<Session<P>>; N],
}

impl<S: Sectors, P: Page, const N: usize> Server<S, P, N> {
    /// A server of these sessions.
    pub fn new(volume: Volume<S>, sessions: [Option<Session<P>>; N]) -> Self {
        Self { volume, sessions }
    }

    /// Serves at most one request of each session, and calls `notify` with the numbers of those whose clients sleep. False:
    /// there was nothing to do.
    pub fn round(&mut self, mut notify: impl FnMut(usize)) -> bool {
        let mut worked = false;
        for (index, place) in self.sessions.iter_mut().enumerate() {
            let Some(session) = place else { continue };
            match session.serve(&mut self.volume) {
                Ok(served) => worked |= served,
                Err(_) => {
                    session.end(&mut self.volume);
                    *place = None;
                    continue;
                }
            }
            if session.publish() {
                notify(index);
            }
        }
        worked
    }

    /// Asks for notifications. False: there is something to do.
    pub fn sleep(&mut self) -> bool {
        let mut quiet = true;
        for place in &mut self.sessions {
            let Some(session) = place else { continue };
            match session.sleep() {
                Ok(asleep) => quiet &= asleep,
                Err(_) => {
                    session.end(&mut self.volume);
                    *place = None;
                }
            }
        }
        quiet
    }

    /// Closes everything and makes it durable.
    ///
    /// # Errors
    /// The disk failed.
    pub fn stop(mut self) -> Result<(), file_service::Status> {
        for session in self.sessions.iter_mut().flatten() {
            session.end(&mut self.volume);
        }
        self.volume.sync()
    }
}
