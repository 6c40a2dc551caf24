//! The shortest way: one peer notified, of a single request or answer, and nothing else is under way.
//!
//! A pass looks at every link, set, deadline and wish, and goes round again to see that nothing came meanwhile. Whoever has one
//! request in flight pays for that twice each. What the pass before found is still true, though, when nobody but one peer has notified:
//! so here only that is done which a single entry of that peer can ask for, by the same steps as in a run of one
//! ([`runs`](super::runs)). Links stay asleep meanwhile: `docs/design/033-runs.md`.

use shared_ring::page::Page;

use super::runs::owner;
use super::{Mode, Slot};
use crate::ledger::Region;
use crate::session::{Session, State};
use crate::{Class, Env};

/// Who notifies on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The driver at this side.
    Driver(u8),
    /// The client of this session.
    Client(u8),
}

/// What may go the short way, as far as all of the slot has to be looked at for it: nothing but what peers notify of is to be
/// expected, each link is asleep for entries alone, and no request waits for anything but the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    pub fn peers(&self) -> impl Iterator<Item = (u64, Peer)> {
        let drivers = (0u8..).zip(&self.sides);
        let drivers = drivers.map(|(side, of)| (of.channel, Peer::Driver(side)));
        let clients = (0u8..).zip(&self.sessions);
        drivers.chain(clients.map(|(session, of)| (of.channel, Peer::Client(session))))
    }

    /// Only this peer has notified, nothing is due, and control wants nothing: a whole pass for its single entry. False: not such a case.
    /// What was done all the same is not published yet, and no other pass would have done it otherwise.
    #[inline(always)] // Who wakes for one does nothing else.
    pub fn pass_for_one(&mut self, peer: Peer, now: u64, env: &mut impl Env) -> bool {
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
        if !self.is_calm(Calm::All) {
            return false;
        }
        self.now = now;
        let allowance = self.allowance;
        let Some(mut lane) = self.lane(|_, _| Some(index.into())) else {
            return false;
        };
        let vacant = lane.tracker.vacant(Self::OWN_SET);
        // Behind it there is room for another, or more than entries would have to be wished for.
        let plain = lane.session.state == State::Open
            && lane.session.count + 1 < allowance
            && vacant & vacant.wrapping_sub(1) != 0
            && lane.session.link.has_space(lane.session.count + 2) == Ok(true)
            && lane.driver.link.has_space(1) == Ok(true)
            && lane.session.link.waiting() == Ok(1);
        if !plain || lane.accept::<true>(1) == 0 {
            return false;
        }
        // The driver may have an answer for it already, but nobody else.
        let (driver, session) = (
            lane.driver.link.publish_sent(),
            lane.session.link.publish_received(),
        );
        let (driver, session) = (
            driver.then_some(lane.driver.channel),
            session.then_some(lane.session.channel),
        );
        self.handing.handed(env.now());
        self.ledger.set_handed(self.handing.last());
        driver
            .into_iter()
            .chain(session)
            .for_each(|channel| env.notify(channel));
        let tracker = &self.kept.tracker;
        env.step(self.number, None, [tracker.live(), tracker.sent()]);
        true
    }

    /// Relay the driver's answer, or what arrived by itself.
    #[inline(always)]
    fn relay_one(&mut self, side: u8, now: u64, env: &mut impl Env) -> bool {
        if usize::from(side) != self.current || !self.is_calm(Calm::Answers) {
            return false;
        }
        self.now = now;
        let mut first = None;
        let lane = self.lane(|driver, tracker| {
            let single = driver.link.waiting() == Ok(1);
            single.then(|| owner(driver, tracker, &mut first)).flatten()
        });
        let (Some(mut lane), Some(first)) = (lane, first) else {
            return C::STANDING != 0 && self.deliver_one(env);
        };
        let relayed = lane.relay::<true>(first);
        if relayed.count == 0 {
            return false;
        }
        if lane.driver.link.publish_received() {
            env.notify(lane.driver.channel);
        }
        if lane.session.link.publish_sent() {
            env.notify(lane.session.channel);
        }
        // Nobody was held up by it: nobody waits for anything but the driver.
        let sets = [lane.tracker.live(), lane.tracker.sent()];
        let tally = self.count(relayed);
        env.step(self.number, Some(tally), sets);
        true
    }

    /// Relay what arrived by itself.
    #[inline(never)] // With registers of its own.
    fn deliver_one(&mut self, env: &mut impl Env) -> bool {
        if self.side().link.waiting() != Ok(1) {
            return false;
        }
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
