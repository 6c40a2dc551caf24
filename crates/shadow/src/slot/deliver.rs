//! What arrives by itself: standing requests at the driver, and deliveries to the sessions that have wished for them.
//!
//! A wish is taken from the client's ring only when it comes true: its answer is sent at once, and one store says that both
//! happened. So neither a swap nor the shadow's death can lose one. What arrived is delivered before the driver's answer counts
//! as heard: a shadow that dies in between lets its successor deliver it once more.

use shared_ring::page::Page;

use super::answers::Relayed;
use super::{Slot, detail};
use crate::ledger::Region;
use crate::session::State;
use crate::tracker::{OWN, OWN_SESSION, Tracker};
use crate::{Arrived, Class, Env};

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Entries for requests of the shadow's own.
    pub(super) const OWN_SET: u64 = C::STANDING | 1 << OWN;

    /// Post the standing requests that the driver does not have.
    #[inline]
    pub(super) fn post_standing(&mut self) {
        let vacant = |tracker: &Tracker| C::STANDING & !tracker.live();
        if vacant(&self.kept.tracker) != 0 {
            self.post_run(vacant(&self.kept.tracker));
        }
        // What there was no room for.
        let mut vacant = vacant(&self.kept.tracker);
        while vacant != 0 {
            let index = vacant.trailing_zeros() as usize;
            vacant &= vacant.wrapping_sub(1);
            if let Some(request) = C::standing(&mut self.learn, &self.running, index) {
                self.post_own(index, &request);
            }
        }
    }

    /// Accept a request of the shadow's own, and hand it over if nothing waits before it.
    pub(super) fn post_own(&mut self, index: usize, request: &C::Request) {
        let tracker = &mut self.kept.tracker;
        if !tracker.admit_own(index, request) {
            return;
        }
        let kept = tracker.kept(request, OWN_SESSION, 0, 0);
        self.ledger.describe(index, &kept, (0, 0));
        self.ledger.accept(tracker.live(), None);
        if tracker.ready() == 1 << index {
            self.hand(index, *request);
        }
    }

    /// A standing request is answered. The error is a [`detail`].
    pub(super) fn take_arrival(
        &mut self,
        index: usize,
        request: &C::Request,
        response: &C::Response,
        env: &mut impl Env,
    ) -> Result<Option<Relayed>, u64> {
        let arrived = C::arrived(&mut self.learn, &mut self.running, request, response);
        Ok(self.conclude(index, arrived.ok_or(detail::ANSWER)?, env))
    }

    /// What arrived by the standing request `index`, the last that was taken from the driver, finds whom it is for, and the request
    /// is answered.
    pub(super) fn conclude(
        &mut self,
        index: usize,
        arrived: Arrived<C::Arrival>,
        env: &mut impl Env,
    ) -> Option<Relayed> {
        let relayed = match arrived {
            Arrived::Nothing => None,
            Arrived::Rubbish => Some(Relayed {
                count: 1,
                arrived: 1,
                ..Relayed::default()
            }),
            Arrived::Delivery(arrival) => {
                self.deliver(&arrival, env);
                Some(Relayed {
                    count: 1,
                    arrived: 1,
                    units: C::arrival_len(&arrival),
                    waited: 0,
                })
            }
            Arrived::Changed => {
                self.keep_record();
                self.changed = true;
                self.notify_sessions(env);
                None
            }
        };
        let heard = self.sides[self.current].link.cursor() as u32;
        self.finish(index, None, Some(heard));
        relayed
    }

    /// The record is another one: clients may want to ask for it.
    pub(super) fn notify_sessions(&self, env: &mut impl Env) {
        self.sessions
            .iter()
            .for_each(|session| env.notify(session.channel));
    }

    /// The driver is gone, and its last answers still stand in its ring. Requests are done again in any case; what has
    /// arrived comes only once.
    pub(super) fn take_last_arrivals(&mut self, env: &mut impl Env) {
        if self.kept.tracker.sent() & C::STANDING == 0 {
            return;
        }
        for _ in 0..shared_ring::CAPACITY {
            let Ok(Some(response)) = self.sides[self.current].link.recv() else {
                return;
            };
            let (tag, generation) = C::stamp_of(&response);
            let Some(index) = self.kept.tracker.find(tag) else {
                continue;
            };
            if C::STANDING >> index & 1 == 0 || generation != self.kept.generation {
                continue;
            }
            let request: C::Request = self.kept.tracker.request(index);
            if self.take_arrival(index, &request, &response, env).is_err() {
                return;
            }
        }
    }

    fn deliver(&mut self, arrival: &C::Arrival, env: &mut impl Env) {
        let owner = self
            .sessions
            .iter()
            .position(|session| C::owns(&session.plan, arrival));
        if let Some(owner) = owner {
            return self.deliver_to(owner, arrival, env);
        }
        let mut claimed = false;
        for at in 0..self.sessions.len() {
            if C::wants(&self.sessions[at].plan, arrival) {
                claimed = true;
                self.deliver_to(at, arrival, env);
            }
        }
        if !claimed {
            C::unclaimed(&mut self.learn, arrival);
        }
    }

    fn deliver_to(&mut self, at: usize, arrival: &C::Arrival, env: &mut impl Env) {
        let session = &mut self.sessions[at];
        if session.state == State::Open && !session.deliver(&self.learn, arrival, &self.ledger) {
            session.end(self.number, env);
            self.changed = true;
        }
    }
}
