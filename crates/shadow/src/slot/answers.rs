//! Answers of the driver, answers that the shadow gives itself, and requests that get none in time.

use shared_ring::page::Page;
use supervision::shadow::Failure;
use trace::{Kind, Tally};

use super::{Mode, Outbox, Slot, detail};
use crate::ledger::Region;
use crate::tracker::OWN_SESSION;
use crate::{Class, Env};

/// Requests that were answered, or what arrived by itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Relayed {
    /// How many.
    pub(super) count: u32,
    /// Of these, what arrived by itself.
    pub(super) arrived: u32,
    /// Units of data that they moved.
    pub(super) units: u64,
    /// How long the driver had them, in ticks, together.
    pub(super) waited: u64,
}

impl Relayed {
    pub(super) fn add(&mut self, more: Self) {
        self.count += more.count;
        self.arrived += more.arrived;
        self.units = self.units.wrapping_add(more.units);
        self.waited = self.waited.wrapping_add(more.waited);
    }
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Relay what the driver has answered. Ends after at most a table's worth: each answer uses up a request.
    pub(super) fn take_answers(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        let mut relayed = Relayed::default();
        let fault = loop {
            // A single one is sooner done without a run.
            if self.side().link.waiting().is_ok_and(|waiting| waiting > 1) {
                relayed.add(self.relay_run());
                if C::STANDING != 0 {
                    relayed.add(self.deliver_run(env));
                }
            }
            let response = match self.side().link.recv() {
                Ok(None) => break None,
                Ok(Some(response)) => response,
                Err(violation) => {
                    self.break_link(violation, outbox, env);
                    break None;
                }
            };
            match self.take_answer(&response, outbox, env) {
                Ok(Some(one)) => relayed.add(one),
                // Learning may have retired the driver.
                Ok(None) if self.driver_is_heard() => {}
                Ok(None) => break None,
                Err(detail) => break Some((Failure::UnknownRequest, detail)),
            }
        };
        let count = relayed.count;
        if count > 0
            && let Some(enabled) = self.first_completion.take()
        {
            let (since, silence) = (self.now.saturating_sub(enabled), self.gap.silence(self.now));
            self.trace(Kind::FirstCompletion, since, silence, env);
        }
        if count > 0 && self.gap.is_measuring() {
            self.gap.completed(count, self.now);
            self.keep_gap();
        }
        if count > 0 {
            self.note(relayed, env);
        }
        if let Some((failure, detail)) = fault {
            self.retire(failure, detail, outbox, env);
        }
    }

    /// What was relayed, for a drain, for the watch and for the operator.
    #[inline]
    pub(super) fn note(&mut self, relayed: Relayed, env: &mut impl Env) {
        self.flow.count(relayed.count);
        let tally = self.count(relayed);
        env.tally(self.number, tally);
    }

    /// The same when nothing is recorded, but for the operator: what he is to be told.
    #[inline]
    pub(super) fn count(&mut self, relayed: Relayed) -> Tally {
        let Relayed {
            count,
            arrived,
            units,
            waited,
        } = relayed;
        self.pace.answered(count - arrived, waited);
        self.watch.count(count);
        Tally {
            answered: count.into(),
            bytes: units.wrapping_mul(C::unit(&self.running)),
            waited,
        }
    }

    /// One answer; `Some`: it was to a client's request, or something arrived. The error is a [`detail`].
    fn take_answer(
        &mut self,
        response: &C::Response,
        outbox: &mut Outbox,
        env: &mut impl Env,
    ) -> Result<Option<Relayed>, u64> {
        let (tag, generation) = C::stamp_of(response);
        if generation != self.kept.generation {
            return Err(detail::GENERATION);
        }
        let tracker = &self.kept.tracker;
        let index = tracker.find(tag).ok_or(detail::TAG)?;
        let entry = tracker.entry(index);
        let request: C::Request = tracker.request(index);
        if C::STANDING >> index & 1 != 0 {
            return self.take_arrival(index, &request, response, env);
        }
        let answer = C::relay(&request, response, entry.client_id).ok_or(detail::ANSWER)?;
        let relayed = Relayed {
            count: 1,
            units: C::units(&request),
            waited: self.now.wrapping_sub(entry.since()),
            ..Relayed::default()
        };
        let head = self.side().link.cursor() as u32;
        if self.kept.tracker.entry(index).session == OWN_SESSION {
            self.take_own(index, response, head, outbox, env);
            return Ok(None);
        }
        self.answer(index, &request, &answer, Some(head), env);
        Ok(Some(relayed))
    }

    /// The answer to a request of our own; `head` counts what was taken from the driver.
    #[cold]
    fn take_own(
        &mut self,
        index: usize,
        response: &C::Response,
        head: u32,
        outbox: &mut Outbox,
        env: &mut impl Env,
    ) {
        self.finish(index, None, Some(head));
        if !core::mem::take(&mut self.own_is_old) {
            let outcome = C::learn_answer(&mut self.learn, response);
            self.learnt(outcome, outbox, env);
        }
    }

    /// A request is answered, in this order: the answer stands in the client's ring, unpublished; the ledger says that it
    /// counts; it is free. `told` is the session that hears of it; `heard` counts what was taken from the driver, this
    /// answer included.
    pub(super) fn finish(&mut self, index: usize, told: Option<(u32, u64)>, heard: Option<u32>) {
        let (generation, tracker) = (self.kept.generation, &mut self.kept.tracker);
        // The table does not outlive us: what counts is the ledger's order.
        tracker.finish(index);
        let told_at = told.map(|(_, cursor)| ((cursor >> 32) as u32).wrapping_sub(1));
        let heard_at = heard.map(|head| head.wrapping_sub(1));
        self.ledger.decide(index, told_at, heard_at);
        let heard = heard.map(|head| (generation, head));
        self.ledger.follow(told, heard, tracker.live());
    }

    /// Tell a client how its request ended.
    pub(super) fn answer(
        &mut self,
        index: usize,
        request: &C::Request,
        answer: &C::Response,
        heard: Option<u32>,
        env: &mut impl Env,
    ) {
        let (session, id) = {
            let entry = self.kept.tracker.entry(index);
            (entry.session, entry.client_id)
        };
        let mut told = None;
        if let Some(session) = self.sessions.get_mut(session as usize) {
            session.leave(index, id, request);
            C::count(&mut session.plan, request, answer);
            match session.answer(answer) {
                Ok(true) => told = Some((session.index, session.link.cursor())),
                Ok(false) => {}
                Err(_) => {
                    session.end(self.number, env);
                    self.changed = true;
                }
            }
        }
        self.finish(index, told, heard);
    }

    /// Answer the live requests of `set` with a status instead of asking a driver.
    pub(super) fn answer_ourselves(
        &mut self,
        set: u64,
        status: impl Fn(&C::Request) -> Option<C::Status>,
        env: &mut impl Env,
    ) {
        for index in self.kept.tracker.in_order(set) {
            let index = usize::from(index);
            let request: C::Request = self.kept.tracker.request(index);
            let Some(status) = status(&request) else { continue };
            let (session, id) = {
                let entry = self.kept.tracker.entry(index);
                (entry.session, entry.client_id)
            };
            self.resubmit &= !(1 << index);
            if session == OWN_SESSION {
                self.finish(index, None, None);
            } else {
                self.answer(index, &request, &C::refusal(id, status), None, env);
            }
        }
    }

    /// Answer what the driver that is about to serve cannot do though clients were told so.
    pub(super) fn fail_inadmissible(&mut self, env: &mut impl Env) {
        let running = self.running;
        let live = self.kept.tracker.live();
        self.answer_ourselves(live, |request| C::admissible(&running, request).err(), env);
    }

    pub(super) fn check_deadlines(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        match self.mode {
            Mode::Draining { deadline, had } if self.in_flight() == 0 || self.now >= deadline => {
                self.stop_feeding(had, env);
                self.quiesced(had, outbox, env);
            }
            Mode::Passive if self.check_at.is_some_and(|at| self.now >= at) => {
                let due = |since: u64| since.saturating_add(self.times.request_deadline);
                let oldest = self.kept.tracker.oldest_sent(C::STANDING);
                self.check_at = oldest.map(due);
                if self.check_at.is_some_and(|at| self.now >= at) {
                    let age = oldest.map_or(0, |since| self.now.saturating_sub(since));
                    self.retire(Failure::RequestDeadline, age, outbox, env);
                }
            }
            Mode::Offline { until } if self.now >= until => {
                // The last driver is gone for good: nothing of it can come any more.
                let live = self.kept.tracker.live();
                self.answer_ourselves(live, |_| Some(C::OFFLINE), env);
            }
            _ => {}
        }
    }
}
