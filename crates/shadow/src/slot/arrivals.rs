//! The short way of what arrives by itself: runs, as [`runs`](super::runs) has them for what clients ask.
//!
//! Each arrival is delivered, and answered for good, by stores of its own, as on the long way. What is done once per run is what says how far the
//! driver's ring is dealt with and which requests are live.

use shared_ring::page::Page;

use super::answers::Relayed;
use super::{Mode, Slot};
use crate::ledger::{Entry, Region};
use crate::session::State;
use crate::tracker::{self, OWN_SESSION, Tracker};
use crate::{Arrived, Class, Env};

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// Deliver what has arrived for one session each, up to the first answer that is anything else.
    #[inline(never)] // With registers of its own.
    pub(super) fn deliver_run(&mut self, env: &mut impl Env) -> Relayed {
        let mut relayed = Relayed::default();
        let generation = self.kept.generation;
        let tracker = &mut self.kept.tracker;
        // What is wrong with the tail the long way finds too.
        let Ok(mut inbox) = self.sides[self.current & 1].link.inbox() else {
            return relayed;
        };
        let (mut answered, mut last, first) = (0u64, None, inbox.head());
        while let Some(response) = inbox.peek() {
            let (tag, of) = C::stamp_of(&response);
            let Some(index) = tracker.find(tag) else { break };
            let bit = 1 << index;
            if of != generation || C::STANDING & !answered & bit == 0 {
                break;
            }
            let request: C::Request = tracker.request(index);
            let Some(arrived) = C::arrived(&mut self.learn, &mut self.running, &request, &response) else {
                break;
            };
            // From here on it must not be asked again: what comes to nothing was counted.
            let heard = inbox.head();
            inbox.take();
            let Arrived::Delivery(arrival) = &arrived else {
                last = Some((index, arrived));
                break;
            };
            let mut sessions = self.sessions.iter_mut();
            let Some(owner) = sessions.find(|session| C::owns(&session.plan, arrival)) else {
                last = Some((index, arrived));
                break;
            };
            if owner.state == State::Open && !owner.deliver(&self.learn, arrival, &self.ledger) {
                owner.end(self.number, env);
                self.changed = true;
            }
            self.ledger.decide(index, None, Some(heard));
            relayed.units = relayed.units.wrapping_add(C::arrival_len(arrival));
            answered |= bit;
        }
        let head = inbox.head();
        drop(inbox);
        if answered != 0 {
            // All but the last.
            let heard = head.wrapping_sub(last.is_some().into());
            relayed.count = heard.wrapping_sub(first);
            relayed.arrived = relayed.count;
            tracker.finish_all(answered);
            self.ledger
                .follow(None, Some((generation, heard)), tracker.live());
        }
        if let Some((index, arrived)) = last {
            relayed.add(self.conclude(index, arrived, env).unwrap_or_default());
        }
        relayed
    }

    /// Post the standing requests of `vacant` in one go. The ledger hears of each before any is live, and they become live together.
    #[inline(never)] // With registers of its own.
    pub(super) fn post_run(&mut self, mut vacant: u64) {
        let (generation, now) = (self.kept.generation, self.now);
        let tracker = &mut self.kept.tracker;
        let driver = &mut self.sides[self.current & 1].link;
        // That little room is left, or something is wrong, the long way finds too.
        if self.mode != Mode::Passive
            || tracker.ready() != 0
            || driver.has_space(vacant.count_ones()).is_err()
        {
            return;
        }
        let mut driver = driver.outbox();
        let (mut entered, mut order) = (0u64, tracker.order());
        while vacant != 0 && !driver.is_full() {
            let (index, place) = (vacant.trailing_zeros() as usize, driver.tail());
            vacant &= vacant.wrapping_sub(1);
            let Some(request) = C::standing(&mut self.learn, &self.running, index) else {
                continue;
            };
            let mut stamped = request;
            C::stamp(&mut stamped, Tracker::tag(index, place), generation);
            if !driver.send(&stamped) {
                break;
            }
            order = order.wrapping_add(1);
            let kept = Entry {
                request: tracker::words(&request),
                order,
                session: OWN_SESSION,
                client_id: 0,
                position: 0,
            };
            self.ledger.describe(index, &kept, (generation, place));
            tracker.put_sent(index, &kept, place, now);
            entered |= 1 << index;
        }
        drop(driver);
        if entered != 0 {
            tracker.enter_sent(entered, order);
            self.ledger.accept(tracker.live(), None);
        }
    }
}
