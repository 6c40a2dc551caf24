//! The end of a link that asks: every entry it sends is answered by one entry.
//!
//! Pure over [`Peer`], so it runs in a PD (channel and notification) and in host tests alike. Two ways of use:
//!
//! - event loop: [`submit`](Requests::submit)…, [`commit`](Requests::commit), return from the handler when
//!   [`sleep`](Requests::sleep) says so; on a notification [`awake`](Requests::awake), [`poll`](Requests::poll)…
//! - one at a time: [`transact`](Requests::transact), which waits.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::page::{Page, SharedPage};
use crate::{Link, SendError, Violation};

/// The PD that answers, as the one that asks reaches it.
pub trait Peer {
    /// Notify it.
    fn notify(&mut self);
    /// Wait until notified, by whomever.
    fn wait(&mut self);
}

/// A peer of host tests that decide themselves who runs: it notices nothing, and no wait of it ends anything.
#[cfg(feature = "host")]
#[derive(Debug)]
pub struct Nobody;

#[cfg(feature = "host")]
impl Peer for Nobody {
    fn notify(&mut self) {}
    fn wait(&mut self) {}
}

/// Why a request could not be submitted or an answer not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The ring is full: take answers first.
    Full,
    /// The peer broke the rules of the link.
    Link(Violation),
    /// The peer answered something that makes no sense, or answered nothing that was asked.
    Nonsense,
}

impl From<Violation> for RequestError {
    fn from(violation: Violation) -> Self {
        Self::Link(violation)
    }
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Self::Full,
            SendError::Violation(violation) => Self::Link(violation),
        }
    }
}

/// A link that carries requests of type `Tx` and answers of type `Rx`.
#[derive(Debug)]
pub struct Requests<Tx, Rx, P = SharedPage> {
    link: Link<Tx, Rx, P>,
}

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Requests<Tx, Rx, P> {
    /// Over a link. What a predecessor at this end asked and did not take the answers of is in flight.
    pub fn new(link: Link<Tx, Rx, P>) -> Self {
        Self { link }
    }

    /// Put a request into the ring. Nothing happens before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`RequestError::Full`], and nothing was submitted; or the peer misbehaves.
    pub fn submit(&mut self, request: &Tx) -> Result<(), RequestError> {
        Ok(self.link.send(request)?)
    }

    /// Hand over what was submitted, and give back what was polled; notifies the peer if it sleeps.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        if self.link.publish() {
            peer.notify();
        }
    }

    /// The next answer, if there is one.
    ///
    /// # Errors
    /// The peer misbehaves.
    pub fn poll(&mut self) -> Result<Option<Rx>, RequestError> {
        if self.in_flight() == 0 {
            // An answer to nothing stays where it is.
            return match self.link.waiting()? {
                0 => Ok(None),
                _ => Err(RequestError::Nonsense),
            };
        }
        Ok(self.link.recv()?)
    }

    /// Requests submitted and not yet polled: each answer that was taken is one to a request that was sent.
    #[inline]
    pub fn in_flight(&self) -> usize {
        let cursor = self.link.cursor();
        let (taken, sent) = (cursor as u32, (cursor >> 32) as u32);
        sent.wrapping_sub(taken) as usize
    }

    /// Ask for a notification. True: wait. False: an answer has come meanwhile. Commit before.
    ///
    /// # Errors
    /// The peer misbehaves.
    pub fn sleep(&mut self) -> Result<bool, RequestError> {
        Ok(self.link.sleep()?)
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.link.awake();
    }

    /// Wait for the next answer.
    ///
    /// # Errors
    /// The peer misbehaves; [`RequestError::Nonsense`] if nothing is in flight.
    pub fn wait(&mut self, peer: &mut impl Peer) -> Result<Rx, RequestError> {
        if self.in_flight() == 0 {
            return Err(RequestError::Nonsense);
        }
        self.commit(peer);
        loop {
            if let Some(answer) = self.poll()? {
                return Ok(answer);
            }
            self.commit(peer);
            if self.sleep()? {
                peer.wait();
            }
            self.awake();
        }
    }

    /// One request from beginning to end, for those that do one thing at a time (nothing else may be in flight).
    ///
    /// # Errors
    /// The peer misbehaves.
    pub fn transact(&mut self, peer: &mut impl Peer, request: &Tx) -> Result<Rx, RequestError> {
        self.submit(request)?;
        let answer = self.wait(peer)?;
        self.commit(peer);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::HostPage;

    type Asker = Requests<u32, u32, HostPage>;

    /// Answers what was asked, plus one.
    struct Answerer(Link<u32, u32, HostPage>);

    impl Peer for Answerer {
        fn notify(&mut self) {}
        fn wait(&mut self) {
            while let Some(asked) = self.0.recv().unwrap() {
                self.0.send(&(asked + 1)).unwrap();
            }
            let _ = self.0.publish();
        }
    }

    fn pair() -> (Asker, Answerer, [HostPage; 2]) {
        let pages = [HostPage::zeroed(), HostPage::zeroed()];
        let answerer = Answerer(Link::over(pages[1].clone(), pages[0].clone()));
        let asker = Requests::new(Link::over(pages[0].clone(), pages[1].clone()));
        (asker, answerer, pages)
    }

    #[test]
    fn successor_waits_for_its_predecessors_answers() {
        let (mut asker, mut answerer, [own, peer]) = pair();
        assert_eq!(asker.transact(&mut answerer, &7), Ok(8));
        asker.submit(&1).unwrap();
        asker.submit(&2).unwrap();
        asker.commit(&mut answerer);
        asker.submit(&3).unwrap();
        let mut successor = Asker::new(Link::resume(own, peer));
        assert_eq!(successor.in_flight(), 2, "the third was never handed over");
        assert_eq!(successor.wait(&mut answerer), Ok(2));
        assert_eq!(successor.wait(&mut answerer), Ok(3));
        assert_eq!(successor.wait(&mut answerer), Err(RequestError::Nonsense));
        assert_eq!(successor.transact(&mut answerer, &9), Ok(10));
    }

    #[test]
    fn answer_to_nothing_is_nonsense() {
        let (mut asker, mut answerer, _) = pair();
        answerer.0.send(&1).unwrap();
        assert!(!answerer.0.publish());
        for _ in 0..2 {
            assert_eq!(asker.poll(), Err(RequestError::Nonsense));
            assert_eq!(asker.in_flight(), 0);
        }
    }
}
