//! The data path of a slot, as passes: answers back, requests in, to the driver. One batch and at most one notification per
//! peer and wake-up; work per pass is bounded by the tracker, whatever clients and driver do.

use shared_ring::{SendError, Violation, Wish};
use supervision::shadow::Failure;

use super::single::Calm;
use super::{Mode, Outbox, Slot};
use crate::ledger::Region;
use crate::tracker::{CAPACITY, Tracker};
use crate::{Class, Env};
use shared_ring::page::Page;

/// Requests taken from one session before it is another's turn, if another has some.
const QUANTUM: u32 = 8;
/// Entries that each other session finds free, however greedy one is.
const RESERVE: u32 = 8;

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// One pass: answers, deadlines, requests. Everything that became ready is handed over, everything is published.
    /// `channels` were notified; of the others only those are looked at that have not said they would notify.
    pub fn pass(&mut self, channels: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.receive(channels, outbox, env);
        self.serve(channels, outbox, env);
    }

    /// First half of a pass: what the driver has to say, and what is due. [`settle`](Self::settle) follows.
    pub fn receive(&mut self, channels: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.calm = Calm::Unknown;
        self.now = env.now();
        if let Mode::Waiting { deadline, policy } = self.mode {
            self.await_report(deadline, policy, outbox, env);
        }
        let side = &mut self.sides[self.current];
        if channels & (1 << side.channel) != 0 {
            side.link.awake();
        }
        if !side.link.is_asleep() && self.driver_is_heard() {
            self.take_answers(outbox, env);
        }
        self.check_deadlines(outbox, env);
    }

    /// Second half of a pass: requests in, to the driver, and everything published.
    pub fn serve(&mut self, channels: u64, outbox: &mut Outbox, env: &mut impl Env) {
        match self.wake_sessions(channels) {
            0 => {}
            1 => self.intake(CAPACITY as u32, env),
            _ => self.intake(QUANTUM, env),
        }
        if self.mode == Mode::Passive {
            self.learn_more();
            self.post_standing();
            let sent = self.kept.tracker.sent();
            if self.kept.tracker.ready() != 0 {
                self.hand_ready();
            }
            // `hand_ready` may have met a broken link; what the intake handed over directly counts too.
            if (sent | self.kept.tracker.sent()) & !C::STANDING != 0 && self.check_at.is_none() {
                self.check_at = Some(self.now.saturating_add(self.times.request_deadline));
            }
            self.publish_to_driver(env);
        }
        self.watch(outbox, env);
        for session in &mut self.sessions {
            session.publish(env);
        }
        self.show(env);
    }

    pub(super) fn driver_is_heard(&self) -> bool {
        matches!(self.mode, Mode::Passive | Mode::Draining { .. })
    }

    /// Wish for notifications. False: something came meanwhile, another pass is due.
    pub fn rest(&mut self, outbox: &mut Outbox, env: &mut impl Env) -> bool {
        let mut quiet = true;
        let crowded = self.kept.tracker.ready() != 0;
        let heard = self.driver_is_heard();
        let link = &mut self.sides[self.current].link;
        if heard && (crowded || !link.is_asleep()) {
            match link.sleep_for(if crowded { Wish::Both } else { Wish::Entries }) {
                Ok(asleep) => quiet &= asleep,
                Err(violation) => {
                    self.break_link(violation, outbox, env);
                    quiet = false;
                }
            }
        }
        let offline = self.is_offline();
        let (full, allowance) = (self.kept.tracker.is_full(Self::OWN_SET), self.allowance);
        for session in &mut self.sessions {
            // Nothing is wanted from a session that may have no more live: an answer of the driver ends that.
            let full = full || session.count >= allowance;
            if session.link.is_asleep() || full || !session.is_served(offline) {
                continue;
            }
            let slept = session.room().and_then(|room| {
                session
                    .link
                    .sleep_for(if room == 0 { Wish::Space } else { Wish::Entries })
            });
            match slept {
                Ok(asleep) => quiet &= asleep,
                Err(_) => {
                    session.end(self.number, env);
                    self.changed = true;
                }
            }
        }
        quiet
    }

    pub(super) fn break_link(&mut self, violation: Violation, outbox: &mut Outbox, env: &mut impl Env) {
        let detail = match violation {
            Violation::Tail { tail, .. } => tail,
            Violation::Head { head, .. } => head,
        };
        self.retire(Failure::Link, detail.into(), outbox, env);
    }

    /// There is no driver, and patience has ended.
    fn is_offline(&self) -> bool {
        matches!(self.mode, Mode::Offline { until } if self.now >= until)
    }

    /// No driver has served since patience ended: a device that could not be reset may still use what it was handed.
    pub(super) fn is_gone(&self) -> bool {
        self.gone || self.is_offline()
    }

    /// Entries that each of so many sessions may have live: the table but for a reserve of each other.
    pub(super) fn allowance(sessions: usize) -> u32 {
        let others = sessions.saturating_sub(1) as u32;
        (!Self::OWN_SET)
            .count_ones()
            .saturating_sub(RESERVE * others)
            .max(RESERVE / 2)
    }

    /// Look at the sessions that were notified; how many may have something for us.
    #[inline]
    fn wake_sessions(&mut self, channels: u64) -> u32 {
        let offline = self.is_offline();
        let mut awake = 0;
        for session in &mut self.sessions {
            if channels & (1 << session.channel) != 0 {
                session.link.awake();
            }
            awake += u32::from(!session.link.is_asleep() && session.is_served(offline));
        }
        awake
    }

    /// Take requests, at most `quantum` from each session in turn, until the rings or the table say stop.
    fn intake(&mut self, quantum: u32, env: &mut impl Env) {
        let offline = self.is_offline();
        let (count, allowance) = (self.sessions.len(), self.allowance);
        let mut idle = 0;
        while idle < count && (offline || !self.kept.tracker.is_full(Self::OWN_SET)) {
            if self.turn >= count {
                self.turn = 0;
            }
            let taken = self.take_some(self.turn, allowance, quantum, offline, env);
            idle = if taken == quantum { 0 } else { idle + 1 };
            self.turn += 1;
        }
    }

    /// Take up to a quantum from one session; returns how many.
    fn take_some(
        &mut self,
        index: usize,
        allowance: u32,
        quantum: u32,
        offline: bool,
        env: &mut impl Env,
    ) -> u32 {
        let Some(session) = self.sessions.get_mut(index) else {
            return 0;
        };
        // Who is asleep will notify us when he has something.
        if session.link.is_asleep() || !session.is_served(offline) {
            return 0;
        }
        let room = match session.room() {
            Ok(room) => room,
            Err(_) => {
                session.end(self.number, env);
                self.changed = true;
                return 0;
            }
        };
        let quota = allowance.saturating_sub(session.count);
        let vacancies = if offline {
            quantum
        } else {
            self.kept.tracker.vacancies(Self::OWN_SET)
        };
        let budget = quantum.min(room).min(quota).min(vacancies);
        let mut taken = 0;
        while taken < budget {
            if !offline && self.is_run(index) {
                taken += self.accept_run(index, budget - taken);
                if taken == budget {
                    break;
                }
            }
            match self.take_one(index, offline, env) {
                Ok(true) => taken += 1,
                Ok(false) => return taken,
                Err(_) => {
                    if let Some(session) = self.sessions.get_mut(index) {
                        session.end(self.number, env);
                    }
                    self.changed = true;
                    return taken;
                }
            }
        }
        taken
    }

    /// More than one request of a session is there: a single one is sooner done without a run. What is wrong with the tail is found
    /// when it is taken.
    #[inline]
    fn is_run(&mut self, index: usize) -> bool {
        let session = self.sessions.get_mut(index);
        session.is_some_and(|session| session.link.waiting().is_ok_and(|waiting| waiting > 1))
    }

    /// Take a request from a session and make it live, or refuse it. False: there is none.
    fn take_one(&mut self, index: usize, offline: bool, env: &mut impl Env) -> Result<bool, Violation> {
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(false);
        };
        let Some(request) = session.link.recv()? else {
            return Ok(false);
        };
        let accepted = if offline {
            Err(C::OFFLINE)
        } else {
            self.accept(index, &request)
        };
        if let Err(status) = accepted {
            self.refuse(index, &request, status, env);
        }
        Ok(true)
    }

    #[cold]
    fn refuse(&mut self, index: usize, request: &C::Request, status: C::Status, env: &mut impl Env) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let answer = C::refusal(C::client_id(request), status);
        C::count(&mut session.plan, request, &answer);
        if session.answer(&answer).is_err() {
            session.end(self.number, env);
            self.changed = true;
        }
        // One store for both: the request is taken and its answer sent, or neither.
        self.ledger.set_cursor(session.index, session.link.cursor());
    }

    /// Validate and translate a request, make it live, and hand it over if it may go at once.
    fn accept(&mut self, index: usize, request: &C::Request) -> Result<(), C::Status> {
        let mut session = self.sessions.get_mut(index).ok_or(C::INVALID)?;
        let id = C::client_id(request);
        if session.may_know(id) && self.kept.tracker.knows(session.live, id) {
            return Err(C::INVALID);
        }
        let accepted = C::accept(&session.plan, &session.told, request)?;
        if self.degraded {
            C::admissible(&self.running, &accepted)?;
        }
        if !self.unlearnt && C::unlearns(&session.plan, &accepted) {
            self.unlearnt = true;
            // A successor must know before anything is written.
            self.commit();
            session = self.sessions.get_mut(index).ok_or(C::INVALID)?;
        }
        let tracker = &mut self.kept.tracker;
        let suspicious = C::enter(&mut session.plan, &accepted);
        let blockers = if suspicious {
            tracker.blockers(session.live, &accepted, C::conflicts)
        } else {
            0
        };
        // There is a vacancy: the caller's budget says so.
        let Some(entry) = tracker.admit(Self::OWN_SET, &accepted, index as u32, id, blockers) else {
            C::leave(&mut session.plan, &accepted);
            return Err(C::INVALID);
        };
        session.enter(entry, id);
        let cursor = session.link.cursor();
        let kept = tracker.kept(&accepted, index as u32, id, (cursor as u32).wrapping_sub(1));
        let taken = Some((session.index, cursor));
        self.ledger.describe(entry, &kept, (0, 0));
        self.ledger.accept(tracker.live(), taken);
        // Nothing overtakes what waits for room in the driver's ring, or has only now become ready.
        if self.mode == Mode::Passive && tracker.ready() == 1 << entry {
            self.hand(entry, accepted);
        }
        Ok(())
    }

    /// Hand one request to the driver; it stays ready if the ring is full. A broken ring shows at the next `rest`.
    #[inline]
    pub(super) fn hand(&mut self, entry: usize, mut request: C::Request) -> bool {
        let generation = self.kept.generation;
        let link = &mut self.side().link;
        let position = (link.cursor() >> 32) as u32;
        C::stamp(&mut request, Tracker::tag(entry, position), generation);
        match link.send(&request) {
            Ok(()) => {
                self.ledger.place(entry, generation, position);
                self.kept.tracker.handed(entry, position, self.now);
                true
            }
            Err(SendError::Full | SendError::Violation(_)) => false,
        }
    }

    /// Hand over what is ready, in the order of acceptance, as far as there is room. A broken ring shows at the next `rest`.
    pub(super) fn hand_ready(&mut self) {
        let (generation, now) = (self.kept.generation, self.now);
        let tracker = &mut self.kept.tracker;
        let ready = tracker.ready();
        let link = &mut self.sides[self.current & 1].link;
        if link.has_space(ready.count_ones()).is_err() {
            return;
        }
        let mut ring = link.outbox();
        for entry in tracker.in_order(ready) {
            let (entry, place) = (usize::from(entry), ring.tail());
            let mut request: C::Request = tracker.request(entry);
            C::stamp(&mut request, Tracker::tag(entry, place), generation);
            if !ring.send(&request) {
                break;
            }
            self.ledger.place(entry, generation, place);
            tracker.handed(entry, place, now);
        }
    }

    /// Make known what was handed over.
    #[inline]
    pub(super) fn publish_to_driver(&mut self, env: &mut impl Env) {
        let side = &mut self.sides[self.current & 1];
        let handed = side.link.has_unpublished();
        let notify = side.link.publish();
        if handed {
            self.handing.handed(env.now());
            self.ledger.set_handed(self.handing.last());
        }
        if notify {
            env.notify(side.channel);
        }
    }
}
