//! What must be known of a device before its sessions can be opened, read through its driver.

use shared_ring::page::Page;
use supervision::shadow::Failure;
use trace::Kind;

use super::{Mode, Outbox, Slot};
use crate::ledger::Region;
use crate::session::State;
use crate::tracker::OWN;
use crate::{Class, Env, Learning, journal};

/// Attempts to read what must be known of a device.
const ATTEMPTS: u32 = 3;

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    pub(super) fn learn_more(&mut self) {
        if !self.learning || self.kept.tracker.live() & (1 << OWN) != 0 {
            return;
        }
        if let Some(request) = C::learn_next(&mut self.learn) {
            self.post_own(OWN, &request);
        }
    }

    /// Start to learn of the device by the driver that runs.
    pub(super) fn begin_learning(&mut self) {
        C::learn_begin(&mut self.learn, &self.running);
        for session in &self.sessions {
            C::learn_session(&mut self.learn, &session.plan);
        }
        self.learning = true;
    }

    /// What is to be learnt has changed: an answer to come is passed over.
    pub(super) fn learn_anew(&mut self) {
        self.own_is_old = self.kept.tracker.live() & (1 << OWN) != 0;
        self.attempts = 0;
        self.begin_learning();
    }

    /// There is something to ask the driver.
    pub(crate) fn is_curious(&self) -> bool {
        self.learning && self.mode == Mode::Passive && self.kept.tracker.live() & (1 << OWN) == 0
    }

    /// Forget our own requests: the next generation is asked anew.
    pub(super) fn drop_own(&mut self) {
        let mut own = self.kept.tracker.live() & Self::OWN_SET;
        while own != 0 {
            self.finish(own.trailing_zeros() as usize, None, None);
            own &= own.wrapping_sub(1);
        }
        self.own_is_old = false;
        self.resubmit &= !Self::OWN_SET;
        self.learning = false;
    }

    /// What must be known of the device is known, or cannot be.
    pub(super) fn learnt(&mut self, outcome: Learning, outbox: &mut Outbox, env: &mut impl Env) {
        let before = self.kept.journal.get(journal::LEARNT, 0).map(|words| words[0]);
        self.changed = true;
        match (outcome, before) {
            (Learning::More, _) => return,
            (Learning::Known(digest), Some(before)) if digest != before && !self.unlearnt => {
                self.learning = false;
                self.retire(Failure::Changed, 0, outbox, env);
                return;
            }
            (Learning::Known(digest), before) => {
                self.kept.journal.record(journal::LEARNT, 0, [digest, 0]);
                if before.is_none() {
                    self.trace(Kind::Table, 0, digest, env);
                    self.open_sessions(env);
                }
            }
            (Learning::Failed(_), _) if self.attempts + 1 < ATTEMPTS => {
                self.attempts += 1;
                self.begin_learning();
                return;
            }
            (Learning::Failed(_), None) => self.open_sessions(env),
            (Learning::Failed(detail), Some(_)) => {
                self.learning = false;
                self.retire(Failure::Changed, detail, outbox, env);
                return;
            }
        }
        self.learning = false;
    }

    pub(super) fn open_sessions(&mut self, env: &mut impl Env) {
        for session in &mut self.sessions {
            if matches!(session.state, State::Open | State::Ended) {
                continue;
            }
            match C::open(&mut session.plan, &self.learn, &self.running) {
                Some(words) if self.kept.journal.record(journal::SESSION, session.number, words) => {
                    session.state = State::Open;
                    session.told = self.running;
                    let event =
                        trace::Event::new(env.now(), Kind::SessionOpen, self.number, self.kept.generation);
                    env.trace(&event.with(session.number.into(), words[1]));
                }
                _ => session.state = State::Absent,
            }
            // Whoever was told "not ready" waits for this.
            env.notify(session.channel);
        }
    }
}
