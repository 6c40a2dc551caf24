//! The shortest way: one peer notified, of a single request or answer, and nothing else is under way.
//!
//! A pass looks at every link, set, deadline and wish, and goes round again to see that nothing came meanwhile. Whoever has one
//! request in flight pays for that twice each. What the pass before found is still true, though, when nobody but one peer has notified:
//! so here only that is done which a single entry of that peer can ask for, by the same steps as in a run of one
//! ([`runs`](super::runs)). Links stay asleep meanwhile: `docs/design/033-runs.md`.

use shared_ring::page::Page;

use super::{Mode, Slot};
use crate::ledger::Region;
use crate::session::{Session, State};
use crate::{Class, Env};

/// Who notifies on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The driver at this side.
    Driver(u8),
    /// The client of this session.
    Client(u8),
}

/// What may go the short way, as far as all of the slot has to be looked at for it: nothing but what peers notify of is to be expected, each link
/// is asleep for entries alone, and no request waits for anything but the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Calm {
    /// It is to be found out.
    Unknown,
    /// Nothing.
    Not,
    /// What the driver says.
    Answers,
    /// Requests too.
    All,
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Peers, each with the channel it notifies on.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (u64, Peer)> {
        let drivers = (0u8..).zip(&self.sides);
        let drivers = drivers.map(|(side, of)| (of.channel, Peer::Driver(side)));
        let clients = (0u8..).zip(&self.sessions);
        drivers.chain(clients.map(|(session, of)| (of.channel, Peer::Client(session))))
    }

    /// Only this peer has notified, nothing is due, and control wants nothing: a whole pass for its single entry. False: not such a case.
    /// What was done all the same is not published yet, and no other pass would have done it otherwise.
    #[inline(always)] // Who wakes for one does nothing else.
    pub(crate) fn pass_for_one(&mut self, peer: Peer, now: u64, env: &mut impl Env) -> bool {
        match peer {
            Peer::Driver(side) => self.relay_one(side, now, env),
            Peer::Client(session) => self.accept_one(session, now, env),
        }
    }

    /// At least so much may go the short way.
    #[inline]
    fn is_calm(&mut self, wanted: Calm) -> bool {
        self.calm >= wanted || self.calm == Calm::Unknown && self.becomes_calm() >= wanted
    }

    #[inline(never)]
    fn becomes_calm(&mut self) -> Calm {
        let tracker = &self.kept.tracker;
        let rests = |session: &Session<C, P>| session.link.sleeps_for_entries() || !session.is_served(false);
        let calm = self.mode == Mode::Passive
            && !self.learning
            && !self.changed
            && (tracker.ready() | tracker.held()) == 0
            && self.sides[self.current & 1].link.sleeps_for_entries()
            && self.sessions.iter().all(rests)
            && self.first_completion.is_none()
            && !self.gap.is_measuring()
            && self.flow.is_off()
            && self.watch.end().is_some();
        self.calm = match calm {
            // A request would have a deadline set.
            true if self.check_at.is_some() && !self.degraded => Calm::All,
            true => Calm::Answers,
            false => Calm::Not,
        };
        self.calm
    }

    /// Take the request of a session and hand it to the driver.
    #[inline(always)]
    fn accept_one(&mut self, index: u8, now: u64, env: &mut impl Env) -> bool {
        let (index, allowance) = (usize::from(index), self.allowance);
        let vacant = self.kept.tracker.vacant(Self::OWN_SET);
        if !self.is_calm(Calm::All) {
            return false;
        }
        let Some(session) = self.sessions.get_mut(index) else {
            return false;
        };
        // Behind it there is room for another, or more than entries would have to be wished for.
        let plain = session.state == State::Open
            && session.link.waiting() == Ok(1)
            && session.count + 1 < allowance
            && vacant & vacant.wrapping_sub(1) != 0
            && session.link.has_space(session.count + 2) == Ok(true);
        if !plain {
            return false;
        }
        self.now = now;
        if self.accept_some::<true>(index, 1) == 0 {
            return false;
        }
        self.watch.feed();
        self.publish_to_driver(env);
        // The driver may have an answer for it already, but nobody else.
        if let Some(session) = self.sessions.get_mut(index) {
            session.publish_answers(env);
        }
        self.show(env);
        true
    }

    /// Relay the driver's answer, or what arrived by itself.
    #[inline(always)]
    fn relay_one(&mut self, side: u8, now: u64, env: &mut impl Env) -> bool {
        if usize::from(side) != self.current
            || !self.is_calm(Calm::Answers)
            || self.side().link.waiting() != Ok(1)
        {
            return false;
        }
        self.now = now;
        let (relayed, index) = self.relay_some::<true>();
        if relayed.count == 0 {
            return C::STANDING != 0 && self.deliver_one(env);
        }
        self.note(relayed, env);
        if self.kept.tracker.ready() != 0 {
            return false;
        }
        self.publish_to_driver(env);
        if let Some(session) = self.sessions.get_mut(index) {
            session.publish_answers(env);
        }
        self.show(env);
        true
    }

    /// Relay what arrived by itself.
    #[inline(never)] // With registers of its own.
    fn deliver_one(&mut self, env: &mut impl Env) -> bool {
        let relayed = self.deliver_run(env);
        // What changed is written down before anything is asked that builds on it.
        if !self.changed {
            self.post_standing();
        }
        if relayed.count == 0 {
            return false;
        }
        self.note(relayed, env);
        if self.changed || self.kept.tracker.ready() != 0 {
            return false;
        }
        self.publish_to_driver(env);
        for session in &mut self.sessions {
            session.publish(env);
        }
        self.show(env);
        true
    }
}
