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

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// `channels` were notified, nothing is due, and control wants nothing: a whole pass for the single entry of the only one of them, if
    /// it is that of a peer of ours. False: not such a case. What was done all the same is not published yet, and no other pass would have
    /// done it otherwise.
    #[inline]
    pub fn pass_for_one(&mut self, channels: u64, now: u64, env: &mut impl Env) -> bool {
        if channels == 1 << self.side().channel {
            return self.relay_one(now, env);
        }
        let notified = |session: &Session<C, P>| channels == 1 << session.channel;
        let Some(index) = self.sessions.iter().position(notified) else {
            return false;
        };
        self.accept_one(index, now, env)
    }

    /// Nothing but what peers notify of is to be expected: each link is asleep for entries alone, and no request waits for anything but the
    /// driver.
    #[inline]
    fn is_calm(&mut self) -> bool {
        match self.calm {
            Some(calm) => calm,
            None => self.becomes_calm(),
        }
    }

    #[inline(never)]
    fn becomes_calm(&mut self) -> bool {
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
        self.calm = Some(calm);
        calm
    }

    /// Take the request of a session and hand it to the driver.
    #[inline]
    fn accept_one(&mut self, index: usize, now: u64, env: &mut impl Env) -> bool {
        let (allowance, vacant) = (self.allowance(), self.kept.tracker.vacant(Self::OWN_SET));
        let Some(session) = self.sessions.get_mut(index) else {
            return false;
        };
        // Behind it there is room for another, or more than entries would have to be wished for.
        let plain = session.state == State::Open
            && session.link.waiting() == Ok(1)
            && session.count + 1 < allowance
            && vacant & vacant.wrapping_sub(1) != 0
            && session.room().is_ok_and(|room| room > 1);
        if !plain || self.check_at.is_none() || !self.is_calm() {
            return false;
        }
        self.now = now;
        if self.accept_run(index, 1) == 0 {
            return false;
        }
        self.watch.feed();
        self.publish_to_driver(env);
        // The driver may have an answer for it already, but nobody else.
        if let Some(session) = self.sessions.get_mut(index) {
            session.publish(env);
        }
        self.show(env);
        true
    }

    /// Relay the driver's answer, or what arrived by itself.
    #[inline]
    fn relay_one(&mut self, now: u64, env: &mut impl Env) -> bool {
        if self.side().link.waiting() != Ok(1) || !self.is_calm() {
            return false;
        }
        self.now = now;
        let mut relayed = self.relay_run();
        if C::STANDING != 0 && relayed.count == 0 {
            relayed = self.deliver_run(env);
            // What changed is written down before anything is asked that builds on it.
            if !self.changed {
                self.post_standing();
            }
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
