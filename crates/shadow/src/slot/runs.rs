//! The short way: runs of requests and answers with which nothing is out of the ordinary.
//!
//! A run does with each what `take_one` and `take_answer` do, and leaves the first that wants more to them. What is the same for all of
//! a run (link, session, sets of the tracker) is looked up once, and the ledger's words that say how far everything is dealt
//! with are stored once, at its end: `docs/design/033-runs.md`.

use shared_ring::page::Page;

use super::answers::Relayed;
use super::{Mode, Slot};
use crate::Class;
use crate::ledger::{Entry, Region};
use crate::session::{Session, State};
use crate::tracker::{self, Tracker};

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Take requests of a session that may go to the driver at once, at most `budget`; returns how many. The ledger hears of each
    /// before any is live, and they become live together.
    #[inline(never)] // With registers of its own.
    pub(super) fn accept_run(&mut self, index: usize, budget: u32) -> u32 {
        if self.mode != Mode::Passive || self.degraded || self.kept.tracker.ready() != 0 {
            return 0;
        }
        self.accept_some::<false>(index, budget)
    }

    /// The same when it may be done; `ONE`: a single one, so that there is no loop.
    #[inline(always)] // Once here, and once where it is for one.
    pub(super) fn accept_some<const ONE: bool>(&mut self, index: usize, budget: u32) -> u32 {
        let (generation, now, unlearnt) = (self.kept.generation, self.now, self.unlearnt);
        let tracker = &mut self.kept.tracker;
        let driver = &mut self.sides[self.current & 1].link;
        // That little room is left, or something is wrong, the long way finds too.
        let Ok(_) = driver.has_space(budget) else {
            return 0;
        };
        let mut driver = driver.outbox();
        let Some(session) = self.sessions.get_mut(index) else {
            return 0;
        };
        let Session {
            link,
            plan,
            told,
            names,
            ..
        } = session;
        // What is wrong with the tail the long way finds too.
        let Ok(inbox) = link.inbox() else {
            return 0;
        };
        let mut inbox = inbox.at_most(budget);
        let (first, mut entered, mut order) = (inbox.head(), 0u64, tracker.order());
        let mut vacant = tracker.vacant(Self::OWN_SET);
        while vacant != 0 && !driver.is_full() {
            let Some(request) = inbox.peek() else { break };
            let id = C::client_id(&request);
            if *names.bucket(id) != 0 {
                break;
            }
            if !unlearnt && C::unlearns(plan, &request) {
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
                session: index as u32,
                client_id: id,
                position: inbox.head(),
            };
            self.ledger.describe(entry, &kept, (generation, place));
            tracker.put_sent(entry, &kept, place, now);
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
            session.live |= entered;
            session.count += taken;
            tracker.enter_sent(entered, order);
            let taken = Some((session.index, session.link.cursor()));
            self.ledger.accept(tracker.live(), taken);
        }
        taken
    }

    /// Relay answers of the driver to requests of the session that the first is for. Each is answered for good when its own word in
    /// the ledger says so.
    #[inline(never)] // With registers of its own.
    pub(super) fn relay_run(&mut self) -> Relayed {
        self.relay_some::<false>().0
    }

    /// The same, and whose session it was; `ONE`: a single one, so that there is no loop.
    #[inline(always)] // Once here, and once where it is for one.
    pub(super) fn relay_some<const ONE: bool>(&mut self) -> (Relayed, usize) {
        let mut relayed = Relayed::default();
        let (generation, now) = (self.kept.generation, self.now);
        let tracker = &mut self.kept.tracker;
        // What is wrong with the tail the long way finds too.
        let Ok(mut inbox) = self.sides[self.current & 1].link.inbox() else {
            return (relayed, 0);
        };
        let Some(mut response) = inbox.peek() else {
            return (relayed, 0);
        };
        let number = tracker.entry(C::stamp_of(&response).0 as usize).session;
        let session = self.sessions.get_mut(number as usize);
        let Some(session) = session.filter(|session| session.state == State::Open) else {
            return (relayed, 0);
        };
        let Session {
            link, plan, names, ..
        } = session;
        let mut outbox = link.outbox();
        let (mut answered, mut units, mut waited, from) = (0u64, 0u64, 0u64, inbox.head());
        loop {
            let (tag, of) = C::stamp_of(&response);
            let Some(index) = tracker.find(tag) else { break };
            let entry = tracker.entry(index);
            let (bit, id) = (1 << index, entry.client_id);
            if of != generation || (answered | C::STANDING) & bit != 0 || entry.session != number {
                break;
            }
            let request: C::Request = tracker.request(index);
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
            tracker.finish_all(answered);
            let told = Some((session.index, session.link.cursor()));
            self.ledger.follow(told, Some((generation, head)), tracker.live());
        }
        (relayed, number as usize)
    }
}
