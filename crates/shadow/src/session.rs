//! One client's session on a slot.

use device_class::report::RECORD_MAX;
use shared_ring::page::Page;
use shared_ring::{Link, SendError, Violation};
use trace::Kind;
use zerocopy::FromZeros;

use crate::ledger::{Ledger, Region};
use crate::{Class, Env};

const _: () = assert!(RECORD_MAX == 64);

/// State of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// What it is confined to is not known yet: nothing is taken from it.
    Closed,
    /// Served.
    Open,
    /// The device has nothing for it.
    Absent,
    /// The client broke the rules of the link. Nothing is taken, nothing answered any more.
    Ended,
}

/// How many live requests have names with the same low bits.
#[derive(Clone, Debug)]
pub(crate) struct Names([u8; 64]);

impl Names {
    #[inline]
    pub(crate) fn bucket(&mut self, id: u32) -> &mut u8 {
        &mut self.0[id as usize % 64]
    }
}

/// A session.
#[derive(Debug)]
pub struct Session<C: Class, P> {
    pub(crate) link: Link<C::Response, C::Request, P>,
    /// The link on which the client wishes for deliveries, if its class has any. A wish stays in the ring until it comes
    /// true, so nothing of it is kept here.
    pub(crate) deliveries: Option<Link<C::Response, C::Request, P>>,
    pub(crate) channel: u64,
    pub(crate) number: u32,
    /// Its index among the slot's sessions.
    pub(crate) index: u32,
    pub(crate) state: State,
    /// Its live requests: members of the slot's tracker.
    pub(crate) live: u64,
    /// How many they are.
    pub(crate) count: u32,
    pub(crate) plan: C::Session,
    /// Capability record that the client was told when the session was opened, or when it asked last; valid from then on.
    pub(crate) told: C::Record,
    pub(crate) names: Names,
}

impl<C: Class, P: Page> Session<C, P> {
    /// Session `number` of the shadow over the client's link; `plan` says what it is to be confined to.
    pub fn new(number: u32, channel: u64, link: Link<C::Response, C::Request, P>, plan: C::Session) -> Self {
        Self {
            link,
            deliveries: None,
            channel,
            number,
            index: 0,
            state: State::Closed,
            live: 0,
            count: 0,
            plan,
            told: C::Record::new_zeroed(),
            names: Names([0; 64]),
        }
    }

    /// The same, with a link for deliveries.
    #[must_use]
    pub fn with_deliveries(self, link: Link<C::Response, C::Request, P>) -> Self {
        Self {
            deliveries: Some(link),
            ..self
        }
    }

    /// The same session once more.
    #[cfg(feature = "model")]
    pub(crate) fn fork(&self) -> Self
    where
        C::Session: Clone,
        P: Clone,
    {
        Self {
            link: self.link.clone(),
            deliveries: self.deliveries.clone(),
            channel: self.channel,
            number: self.number,
            index: self.index,
            state: self.state,
            live: self.live,
            count: self.count,
            plan: self.plan.clone(),
            told: self.told,
            names: self.names.clone(),
        }
    }

    /// For a successor.
    pub(crate) fn state_number(&self) -> u32 {
        match self.state {
            State::Closed => 0,
            State::Open => 1,
            State::Absent => 2,
            State::Ended => 3,
        }
    }

    /// A request of this name may be live.
    #[inline]
    pub(crate) fn may_know(&mut self, id: u32) -> bool {
        *self.names.bucket(id) != 0
    }

    /// The request in entry `index` is live.
    #[inline]
    pub(crate) fn enter(&mut self, index: usize, id: u32) {
        self.live |= 1 << index;
        self.count += 1;
        *self.names.bucket(id) += 1;
    }

    /// The request in entry `index` is answered; the client hears of it unless its session was ended.
    #[inline]
    pub(crate) fn leave(&mut self, index: usize, id: u32, request: &C::Request) {
        self.live &= !(1 << index);
        // It was entered, once: neither is 0.
        self.count = self.count.wrapping_sub(1);
        let bucket = self.names.bucket(id);
        *bucket = bucket.wrapping_sub(1);
        C::leave(&mut self.plan, request);
    }

    /// Requests are taken from it; when the device is offline for good, from whoever is there, to say so.
    #[inline]
    pub(crate) fn is_served(&self, offline: bool) -> bool {
        match self.state {
            State::Open => true,
            State::Closed | State::Absent => offline,
            State::Ended => false,
        }
    }

    /// Answers that fit into the ring beyond those owed for live requests.
    ///
    /// # Errors
    /// The client broke the rules.
    #[inline]
    pub(crate) fn room(&mut self) -> Result<u32, Violation> {
        Ok(self.link.space()?.saturating_sub(self.count))
    }

    /// Queue an answer; false: nobody hears it. A request is only taken when there is room for its answer, so a full ring is
    /// a broken rule too.
    #[inline]
    pub(crate) fn answer(&mut self, response: &C::Response) -> Result<bool, SendError> {
        if self.state == State::Ended {
            return Ok(false);
        }
        self.link.send(response).map(|()| true)
    }

    /// Put what arrived where the client's next wish says, and tell it; one store in the ledger says that both happened. False: the
    /// client broke the rules.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        learn: &C::Learn,
        arrival: &C::Arrival,
        ledger: &Ledger<impl Region>,
    ) -> bool {
        let Some(link) = &mut self.deliveries else {
            return true;
        };
        // A client that takes no answers has no wish.
        let wish = match link.has_space(1) {
            Ok(true) => link.recv(),
            Ok(false) => Ok(None),
            Err(violation) => Err(violation),
        };
        match wish {
            Ok(Some(wish)) => {
                let answer = C::deliver(&mut self.plan, learn, arrival, &wish);
                let told = link.send(&answer).is_ok();
                if told {
                    ledger.set_delivered(self.index, link.cursor());
                }
                told
            }
            Ok(None) => {
                C::missed(&mut self.plan, arrival);
                true
            }
            Err(_) => false,
        }
    }

    /// The client broke the rules: its session ends, nobody else's.
    pub(crate) fn end(&mut self, slot: u32, env: &mut impl Env) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.link.awake();
            let event = trace::Event::new(env.now(), Kind::SessionEnded, slot, 0);
            env.trace(&event.with(self.number.into(), 0));
        }
    }

    /// Hand over the answers.
    #[inline]
    pub(crate) fn publish(&mut self, env: &mut impl Env) {
        let delivered = self.deliveries.as_mut().is_some_and(Link::publish);
        if self.link.publish() || delivered {
            env.notify(self.channel);
        }
    }
}
