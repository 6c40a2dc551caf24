//! The way of a swap: quiesce, attach, report, check, enable.

use device_class::report::{DriverReport, STATE_NONE};
use shared_ring::page::Page;
use supervision::shadow::{Command, EventKind, Failure, Policy};
use trace::Kind;
use zerocopy::IntoBytes;

use super::{Mode, Outbox, Slot, words_of};
use crate::figures::Stop;
use crate::ledger::Region;
use crate::report::{Report, judge};
use crate::{Class, Env, drain, journal};

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// The driver may finish what it has, for as long as the order allows.
    pub(super) fn quiesce(&mut self, order: drain::Order, outbox: &mut Outbox, env: &mut impl Env) {
        let had = self.in_flight();
        let deadline = order.end(self.now, self.handing.last(), &self.pace);
        if self.mode == Mode::Passive && !self.broken {
            self.stop_handing(Stop::Ordered, had);
            self.trace(Kind::Quiesce, had.into(), self.handing.before(), env);
            if had > 0 {
                // Answers that are there already are taken first, even if this is over at once, and even if the driver has not told of them yet.
                self.sides[self.current & 1].link.awake();
                return self.set_mode(Mode::Draining { deadline, had });
            }
        } else {
            self.trace(Kind::Quiesce, had.into(), 0, env);
        }
        self.stop_feeding(had, env);
        self.quiesced(had, outbox, env);
    }

    fn stop_handing(&mut self, why: Stop, in_flight: u32) {
        self.handing.stopped(why, in_flight, self.now);
        self.ledger.set_handed(self.handing.last());
    }

    /// From now on the driver gets nothing and is not listened to.
    pub(super) fn stop_feeding(&mut self, in_flight: u32, env: &mut impl Env) {
        if matches!(self.mode, Mode::Passive) {
            self.stop_handing(Stop::Lost, in_flight);
        }
        self.check_at = None;
        self.sides[self.current].link.awake();
        if self.mode != Mode::Active {
            self.set_mode(Mode::Active);
            let held = self.kept.tracker.live().count_ones();
            self.trace(Kind::Impersonate, held.into(), 0, env);
        }
    }

    pub(super) fn quiesced(&mut self, had: u32, outbox: &mut Outbox, env: &mut impl Env) {
        let left = self.in_flight();
        self.trace(Kind::Quiesced, had.into(), left.into(), env);
        self.tell(
            EventKind::Quiesced,
            [had.into(), left.into(), self.handing.before()],
            outbox,
        );
    }

    /// Feed the same generation again.
    pub(super) fn resume(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        if matches!(self.mode, Mode::Passive) {
            // A control that was started anew cannot know that the order to stop never came.
            return self.tell(EventKind::Enabled, [0; 3], outbox);
        }
        if !matches!(self.mode, Mode::Active | Mode::Draining { .. }) || self.kept.has_record == 0 {
            return;
        }
        if self.broken {
            self.tell(EventKind::Retire, [Failure::Link as u64, 0, 0], outbox);
            return;
        }
        self.set_mode(Mode::Passive);
        self.trace(Kind::Resume, 0, 0, env);
        self.tell(EventKind::Enabled, [0; 3], outbox);
    }

    /// A new generation will come.
    pub(super) fn attach(&mut self, command: &Command, outbox: &mut Outbox, env: &mut impl Env) {
        let policy = Policy::from_number(command.policy);
        self.stop_feeding(self.in_flight(), env);
        self.take_last_arrivals(env);
        // What the old generation had is ours again. Its answers would come on a link that is not read any more.
        let tracker = &mut self.kept.tracker;
        self.resubmit |= tracker.sent();
        tracker.recall();
        self.drop_own();
        self.current = (command.b & 1) as usize;
        self.kept.side = self.current as u32;
        self.kept.generation = command.a as u32;
        let link = &mut self.sides[self.current].link;
        link.reset();
        let before = link.read_info::<DriverReport>();
        self.stale = before.filter(|r| r.state != STATE_NONE);
        self.broken = false;
        self.pace = drain::Pace::default();
        self.set_mode(Mode::Waiting {
            deadline: command.c,
            policy,
        });
        self.trace(Kind::Attach, self.current as u64, 0, env);
        self.tell(EventKind::Attached, [0; 3], outbox);
    }

    /// Look for the report of the generation that is attached.
    pub(super) fn await_report(
        &mut self,
        deadline: u64,
        policy: Policy,
        outbox: &mut Outbox,
        env: &mut impl Env,
    ) {
        let Some(report) = self.sides[self.current].link.read_info::<DriverReport>() else {
            return;
        };
        match judge::<C>(&report, self.kept.generation, self.stale.as_ref()) {
            Report::None if self.now >= deadline => self.failed(Failure::ProbeDeadline, 0, outbox, env),
            Report::None => {}
            Report::Bad(failure, detail) => {
                self.trace(Kind::Report, report.state.into(), report.reason.into(), env);
                self.failed(failure, detail, outbox, env);
            }
            Report::Ready(record) => {
                self.trace(Kind::Report, report.state.into(), report.reason.into(), env);
                self.check(record, policy, outbox, env);
            }
        }
    }

    pub(super) fn failed(&mut self, failure: Failure, detail: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.broken = true;
        self.set_mode(Mode::Active);
        self.trace(Kind::Failed, failure as u64, detail, env);
        self.tell(EventKind::Failed, [failure as u64, detail, 0], outbox);
    }

    /// Compare capabilities, and let the new generation serve if the policy allows.
    pub(super) fn check(
        &mut self,
        record: C::Record,
        policy: Policy,
        outbox: &mut Outbox,
        env: &mut impl Env,
    ) {
        let first = self.kept.has_record == 0;
        // All of what clients were told counts, used or not; but what an earlier update took from them is not lost again.
        let lost = if first {
            0
        } else {
            self.lacks(&record) & C::lost(&self.running, &record)
        };
        self.trace(Kind::Check, lost.into(), policy as u64, env);
        let refused = match policy {
            Policy::Refuse => lost != 0,
            Policy::Degrade | Policy::Force | Policy::First => lost & C::FATAL != 0,
        };
        if refused {
            self.broken = true;
            self.set_mode(Mode::Active);
            self.trace(Kind::Refused, lost.into(), 0, env);
            self.tell(EventKind::Refused, [lost.into(), 0, 0], outbox);
            return;
        }
        if policy != Policy::Force && !self.replay_journal(&record) {
            self.failed(Failure::Changed, 0, outbox, env);
            return;
        }
        let is_another = !first && self.running.as_bytes() != record.as_bytes();
        self.running = record;
        // Clients rely on what they were told, whatever the operator accepted: requests that reveal the loss fail, and say so.
        self.degraded = self.is_degraded();
        self.keep_record();
        if self.degraded {
            self.fail_inadmissible(env);
        }
        self.enable(first, outbox, env);
        if is_another {
            self.notify_sessions(env);
        }
    }

    pub(super) fn keep_record(&mut self) {
        self.kept.running = words_of::<C>(&self.running);
        self.kept.has_record = 1;
    }

    /// Reopen what is open. For a driver that fits all of it there is nothing to send.
    pub(super) fn replay_journal(&self, record: &C::Record) -> bool {
        self.kept
            .journal
            .iter()
            .filter(|m| m.kind == journal::SESSION)
            .all(|m| C::reopen(m.words, record))
    }

    /// Hand over what was in flight and what was queued, and be passive.
    pub(super) fn enable(&mut self, first: bool, outbox: &mut Outbox, env: &mut impl Env) {
        let since = if first { 0 } else { self.handing.last() };
        if self.is_gone() {
            // Whoever was told "offline" waits for this.
            self.sessions
                .iter()
                .for_each(|session| env.notify(session.channel));
        }
        self.set_mode(Mode::Passive);
        let earlier = self.resubmit & self.kept.tracker.ready();
        self.hand_ready();
        let handed = self.kept.tracker.sent();
        let resubmitted = u64::from((handed & earlier).count_ones());
        let queued = u64::from((handed & !earlier).count_ones());
        self.resubmit = 0;
        self.publish_to_driver(env);
        let first_new = env.now();
        self.handing.handed(first_new);
        self.ledger.set_handed(first_new);
        self.trace(Kind::Replay, resubmitted, queued, env);
        self.trace(Kind::Enabled, resubmitted, queued, env);
        self.trace(Kind::Blackout, since, first_new, env);
        self.tell(
            EventKind::Enabled,
            [since, first_new, resubmitted << 32 | queued],
            outbox,
        );
        self.first_completion = Some(first_new);
        self.flow.swapped();
        self.check_at = (handed != 0).then_some(first_new.saturating_add(self.times.request_deadline));
        self.attempts = 0;
        self.begin_learning();
    }

    /// The running driver cannot be trusted any more.
    pub(super) fn retire(&mut self, failure: Failure, detail: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.trace(Kind::Retire, failure as u64, detail, env);
        (self.broken, self.changed) = (true, true);
        match self.mode {
            // It is about to go anyway, and control waits for this answer.
            Mode::Draining { had, .. } => {
                self.stop_feeding(had, env);
                self.quiesced(had, outbox, env);
            }
            _ => {
                self.stop_feeding(self.in_flight(), env);
                self.tell_for(0, EventKind::Retire, [failure as u64, detail, 0], outbox);
            }
        }
    }
}
