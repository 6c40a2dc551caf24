//! The short way: runs of requests and answers with which nothing is out of the ordinary.
//!
//! A run does with each what `take_one` and `take_answer` do, and leaves the first that wants more to them. What is the same for all of
//! a run (link, session, sets of the tracker) is looked up once, and the ledger's words that say how far everything is dealt
//! with are stored once, at its end: `docs/design/033-runs.md`.

use shared_ring::page::Page;

use super::answers::Relayed;
use super::{Mode, Side, Slot};
use crate::Class;
use crate::ledger::{Entry, Ledger, Region};
use crate::session::{Session, State};
use crate::tracker::{self, Tracker};

/// What a run has to do with: the driver, one session, and what is known of requests.
pub(super) struct Lane<'l, C: Class, P, R> {
    pub(super) driver: &'l mut Side<C, P>,
    pub(super) session: &'l mut Session<C, P>,
    pub(super) tracker: &'l mut Tracker,
    ledger: Ledger<R>,
    generation: u32,
    unlearnt: bool,
    now: u64,
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Take requests of a session that may go to the driver at once, at most `budget`; returns how many. The ledger hears of each
    /// before any is live, and they become live together.
    #[inline(never)] // With registers of its own.
    pub(super) fn accept_run(&mut self, index: usize, budget: u32) -> u32 {
        if self.mode != Mode::Passive || self.degraded || self.kept.tracker.ready() != 0 {
            return 0;
        }
        let Some(mut lane) = self.lane(|_, _| Some(index)) else {
            return 0;
        };
        // That little room is left, or something is wrong, the long way finds too.
        if lane.driver.link.has_space(budget).is_err() {
            return 0;
        }
        lane.accept::<false>(budget)
    }

    /// Relay answers of the driver to requests of the session that the first is for. Each is answered for good when its own word in
    /// the ledger says so.
    #[inline(never)] // With registers of its own.
    pub(super) fn relay_run(&mut self) -> Relayed {
        let mut first = None;
        let lane = self.lane(|driver, tracker| owner::<C, P>(driver, tracker, &mut first));
        let (Some(mut lane), Some(first)) = (lane, first) else {
            return Relayed::default();
        };
        lane.relay::<false>(first)
    }

    /// The lane of the session that `whose` says.
    #[inline(always)] // All of it stays in registers.
    pub(super) fn lane(
        &mut self,
        whose: impl FnOnce(&mut Side<C, P>, &Tracker) -> Option<usize>,
    ) -> Option<Lane<'_, C, P, R>> {
        let (driver, tracker) = (&mut self.sides[self.current & 1], &mut self.kept.tracker);
        let index = whose(driver, tracker)?;
        Some(Lane {
            driver,
            session: self.sessions.get_mut(index)?,
            tracker,
            ledger: self.ledger.clone(),
            generation: self.kept.generation,
            unlearnt: self.unlearnt,
            now: self.now,
        })
    }
}

/// The session that the driver's next answer is for, as far as it says so, and that answer.
#[inline(always)]
pub(super) fn owner<C: Class, P: Page>(
    driver: &mut Side<C, P>,
    tracker: &Tracker,
    answer: &mut Option<C::Response>,
) -> Option<usize> {
    // What is wrong with the tail the long way finds too.
    let first = driver.link.inbox().ok()?.peek()?;
    *answer = Some(first);
    let (tag, _) = C::stamp_of(&first);
    Some(tracker.entry(tag as usize).session as usize)
}

impl<C: Class, P: Page, R: Region> Lane<'_, C, P, R> {
    /// See [`accept_run`](Slot::accept_run), which has seen that it may be done. `ONE`: the only one, for
    /// which there is a vacancy, so that there is no loop.
    #[inline(always)] // Into each of its two callers, where `ONE` is known.
    pub(super) fn accept<const ONE: bool>(&mut self, budget: u32) -> u32 {
        let (generation, now) = (self.generation, self.now);
        let mut driver = self.driver.link.outbox();
        let Session {
            link,
            plan,
            told,
            names,
            index: number,
            ..
        } = &mut *self.session;
        // What is wrong with the tail the long way finds too.
        let Ok(inbox) = link.inbox() else {
            return 0;
        };
        let mut inbox = if ONE { inbox } else { inbox.at_most(budget) };
        let (first, mut entered, mut order) = (inbox.head(), 0u64, self.tracker.order());
        let mut vacant = self.tracker.vacant(Slot::<C, P, R>::OWN_SET);
        while (ONE || vacant != 0) && !driver.is_full() {
            let Some(request) = inbox.peek() else { break };
            let id = C::client_id(&request);
            if *names.bucket(id) != 0 {
                break;
            }
            if !self.unlearnt && C::unlearns(plan, &request) {
                break;
            }
            let Some(accepted) = C::admit(plan, told, &request) else {
                break;
            };
            let (entry, place) = (vacant.trailing_zeros() as usize, driver.tail());
            let mut stamped = accepted;
            C::stamp(&mut stamped, Tracker::tag(entry, place), generation);
            // There is room.
            let _ = driver.send(&stamped);
            order = order.wrapping_add(1);
            let kept = Entry {
                request: tracker::words(&accepted),
                order,
                session: *number,
                client_id: id,
                position: inbox.head(),
            };
            self.ledger.describe(entry, &kept, (generation, place));
            self.tracker.put_sent(entry, &kept, place, now);
            *names.bucket(id) = 1;
            vacant &= vacant.wrapping_sub(1);
            entered |= 1 << entry;
            inbox.take();
            if ONE {
                break;
            }
        }
        let taken = inbox.head().wrapping_sub(first);
        drop(inbox);
        drop(driver);
        if taken > 0 {
            let session = &mut *self.session;
            session.live |= entered;
            session.count += taken;
            self.tracker.enter_sent(entered, order);
            let taken = Some((session.index, session.link.cursor()));
            self.ledger.accept(self.tracker.live(), taken);
        }
        taken
    }

    /// See [`relay_run`](Slot::relay_run); `response` is the first. `ONE`: a single one, so that there is no loop.
    #[inline(always)] // Into each of its two callers, where `ONE` is known.
    pub(super) fn relay<const ONE: bool>(&mut self, mut response: C::Response) -> Relayed {
        let (generation, now) = (self.generation, self.now);
        let mut relayed = Relayed::default();
        let session = &mut *self.session;
        if session.state != State::Open {
            return relayed;
        }
        let Ok(mut inbox) = self.driver.link.inbox() else {
            return relayed;
        };
        let Session {
            link,
            plan,
            names,
            index: number,
            ..
        } = &mut *session;
        let mut outbox = link.outbox();
        let (mut answered, mut units, mut waited, from) = (0u64, 0u64, 0u64, inbox.head());
        loop {
            let (tag, of) = C::stamp_of(&response);
            let Some(index) = self.tracker.find(tag) else {
                break;
            };
            let entry = self.tracker.entry(index);
            let (bit, id) = (1 << index, entry.client_id);
            if of != generation || (answered | C::STANDING) & bit != 0 || entry.session != *number {
                break;
            }
            let request: C::Request = self.tracker.request(index);
            let Some(answer) = C::relay(&request, &response, id) else {
                break;
            };
            if !outbox.send(&answer) {
                break;
            }
            let (told, heard) = (outbox.tail().wrapping_sub(1), inbox.head());
            self.ledger.decide(index, Some(told), Some(heard));
            units = units.wrapping_add(C::units(&request));
            waited = waited.wrapping_add(now.wrapping_sub(entry.since()));
            let bucket = names.bucket(id);
            *bucket = bucket.wrapping_sub(1);
            C::leave(plan, &request);
            C::count(plan, &request, &answer);
            answered |= bit;
            inbox.take();
            if ONE {
                break;
            }
            let Some(next) = inbox.peek() else { break };
            response = next;
        }
        let head = inbox.head();
        drop(inbox);
        drop(outbox);
        if answered != 0 {
            relayed = Relayed {
                count: head.wrapping_sub(from),
                units,
                waited,
                ..relayed
            };
            session.live &= !answered;
            session.count = session.count.wrapping_sub(relayed.count);
            self.tracker.finish_all(answered);
            let told = Some((session.index, session.link.cursor()));
            self.ledger
                .follow(told, Some((generation, head)), self.tracker.live());
        }
        relayed
    }
}
