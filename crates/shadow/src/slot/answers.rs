//! Answers of the driver, answers that the shadow gives itself, and requests that get none in time.

use shared_ring::page::Page;
use supervision::shadow::Failure;
use trace::{Kind, Tally};

use super::{Mode, Outbox, Slot, detail};
use crate::ledger::{Answered, Region};
use crate::tracker::OWN_SESSION;
use crate::{Class, Env};

/// A request that was answered, or what arrived by itself.
#[derive(Clone, Copy)]
pub(super) struct Relayed {
    /// Units of data that it moved.
    pub(super) units: u64,
    /// How long the driver had it, in ticks.
    pub(super) waited: u64,
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Relay what the driver has answered. Ends after at most a table's worth: each answer uses up a request.
    pub(super) fn take_answers(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        let mut count = 0;
        let (mut units, mut waited) = (0u64, 0u64);
        let fault = loop {
            match self.sides[self.current].link.recv() {
                Ok(None) => break None,
                Ok(Some(response)) => match self.take_answer(&response, outbox, env) {
                    Ok(None) => {}
                    Ok(Some(relayed)) => {
                        count += 1;
                        units = relayed.units.wrapping_add(units);
                        waited = relayed.waited.wrapping_add(waited);
                    }
                    Err(detail) => break Some((Failure::UnknownRequest, detail)),
                },
                Err(violation) => {
                    self.break_link(violation, outbox, env);
                    break None;
                }
            }
            // Learning may have retired the driver.
            if !self.driver_is_heard() {
                break None;
            }
        };
        if count > 0 && self.gap.is_measuring() {
            self.gap.completed(count, self.now);
            self.keep_gap();
        }
        self.watch.count(count);
        if count > 0 {
            self.flow.count(count);
            let tally = Tally {
                answered: count.into(),
                bytes: units.wrapping_mul(C::unit(&self.running)),
                waited,
            };
            env.tally(self.number, tally);
        }
        if count > 0
            && let Some(enabled) = self.first_completion.take()
        {
            self.trace(Kind::FirstCompletion, self.now.saturating_sub(enabled), 0, env);
        }
        if let Some((failure, detail)) = fault {
            self.retire(failure, detail, outbox, env);
        }
    }

    /// One answer; `Some`: it was to a client's request, or something arrived. The error is a [`detail`].
    #[inline]
    pub(super) fn take_answer(
        &mut self,
        response: &C::Response,
        outbox: &mut Outbox,
        env: &mut impl Env,
    ) -> Result<Option<Relayed>, u64> {
        let (tag, generation) = C::stamp_of(response);
        if generation != self.kept.generation {
            return Err(detail::GENERATION);
        }
        let tracker = &mut self.kept.tracker;
        let index = tracker.find(tag).ok_or(detail::TAG)?;
        let (session, id) = (tracker.entry(index).session, tracker.entry(index).client_id);
        let request: C::Request = tracker.request(index);
        if C::STANDING >> index & 1 != 0 {
            return self.take_arrival(index, &request, response, env);
        }
        let answer = C::relay(&request, response, id).ok_or(detail::ANSWER)?;
        let relayed = Relayed {
            units: C::units(&request),
            waited: self.now.wrapping_sub(tracker.entry(index).since()),
        };
        let heard = self.sides[self.current].link.cursor() as u32;
        if session == OWN_SESSION {
            self.finish(index, None, Some(heard));
            if core::mem::take(&mut self.own_is_old) {
                return Ok(None);
            }
            let outcome = C::learn_answer(&mut self.learn, response);
            self.learnt(outcome, outbox, env);
            return Ok(None);
        }
        self.answer(index, &request, &answer, Some(heard), env);
        Ok(Some(relayed))
    }

    /// A request is answered, in this order: the answer stands in the client's ring, unpublished; the ledger says that it
    /// counts; it is free. `told` is the session that hears of it; `heard` counts what was taken from the driver, this
    /// answer included.
    #[inline(always)] // Once per request; the other callers are rare.
    pub(super) fn finish(&mut self, index: usize, told: Option<(u32, u64)>, heard: Option<u32>) {
        self.ledger.answer(
            index,
            Answered {
                told: told.map(|(_, cursor)| (cursor >> 32).wrapping_sub(1) as u16),
                heard: heard.map(|head| head.wrapping_sub(1) as u16),
            },
        );
        if let Some((session, cursor)) = told {
            self.ledger.set_cursor(session, cursor);
        }
        if let Some(head) = heard {
            self.ledger.set_heard(self.kept.generation, head);
        }
        self.kept.tracker.finish(index);
        self.ledger.keep_live(self.kept.tracker.live());
    }

    /// Tell a client how its request ended.
    #[inline(always)] // Once per request; the other caller is rare.
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
