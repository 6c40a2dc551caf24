//! A shadow out of its configuration blob.

use heapless::Vec;
use shared_ring::Link;
use shared_ring::page::Page;
use system_spec::config::{LinkConfig, MAX_SESSIONS, ShadowConfig, ShadowSession, ShadowSlot};

use crate::Class;
use crate::engine::Shadow;
use crate::ledger::{Ledger, Region};
use crate::session::Session;
use crate::slot::{Side, Slot, Times};
use crate::state::{self, Found, Shape};

/// The configuration cannot be: a mistake of whoever built the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misconfigured {
    /// The state region is too short, or holds what another shadow left there.
    State,
    /// More slots or sessions than there may be, or a session on a slot that is not there.
    Count,
    /// A data region's index is too large, or a region is too short.
    Region,
}

/// What a class makes of the configuration.
pub trait Parts<C: Class> {
    /// What is learnt of the device of a slot with these sessions.
    ///
    /// # Errors
    /// See [`Misconfigured`].
    fn learn(&self, slot: &ShadowSlot, sessions: &[&ShadowSession]) -> Result<C::Learn, Misconfigured>;

    /// What the session of this index among its slot's is to be confined to.
    ///
    /// # Errors
    /// See [`Misconfigured`].
    fn session(&self, index: usize, sessions: &[&ShadowSession]) -> Result<C::Session, Misconfigured>;
}

/// A shadow, and whether it goes on from what a predecessor left.
pub type Assembled<'s, C, P, R> = (Shadow<'s, C, P, R>, bool);

/// The shadow's own memory.
#[derive(Debug)]
pub struct State<'r, 's, H, L> {
    /// What outlives the shadow.
    pub region: &'r H,
    /// The ledger of a slot, by its index, in that region; `None`: it is too short.
    pub ledger: L,
    /// Room to work in.
    pub work: &'s mut [u8],
}

/// Build the shadow in `memory`; `pages` gives the own and the peer's page of a link. Whatever a predecessor left in region
/// and pages is gone on from.
///
/// # Errors
/// See [`Misconfigured`].
pub fn assemble<'s, C: Class, P: Page, R: Region>(
    config: &ShadowConfig,
    memory: State<'_, 's, impl Region, impl Fn(usize) -> Option<Ledger<R>>>,
    pages: impl Fn(&LinkConfig) -> (P, P),
    parts: &impl Parts<C>,
    times: Times,
    now: u64,
) -> Result<Assembled<'s, C, P, R>, Misconfigured> {
    let State { region, ledger, work } = memory;
    let slots = config.slots.get(..config.slot_count as usize);
    let slots = slots.ok_or(Misconfigured::Count)?;
    let sessions = config.sessions.get(..config.session_count as usize);
    let sessions = sessions.ok_or(Misconfigured::Count)?;
    let on = |session: &ShadowSession| session.slot_index as usize;
    if sessions.iter().any(|session| on(session) >= slots.len()) {
        return Err(Misconfigured::Count);
    }
    let shape = Shape {
        class: C::ID,
        slots: config.slot_count,
        sessions: config.session_count,
    };
    let again = match state::find(region, shape) {
        Found::Nothing => false,
        Found::Predecessor => true,
        Found::Stranger => return Err(Misconfigured::State),
    };
    let kept = state::initialise(work, slots.len()).map_err(|_| Misconfigured::State)?;
    let end = |config: &LinkConfig| {
        let (own, peer) = pages(config);
        Side {
            link: Link::resume(own, peer),
            channel: config.channel,
        }
    };
    let mut built = Vec::new();
    for ((index, slot), kept) in slots.iter().enumerate().zip(kept) {
        let mine: Vec<&ShadowSession, MAX_SESSIONS> =
            sessions.iter().filter(|session| on(session) == index).collect();
        let sides = [end(&slot.sides[0]), end(&slot.sides[1])];
        let learn = parts.learn(slot, &mine)?;
        let ledger = ledger(index).ok_or(Misconfigured::State)?;
        let mut target = Slot::with_ledger(slot.slot, sides, kept, learn, times, now, ledger);
        for (number, config) in mine.iter().enumerate() {
            let resume = |config: &LinkConfig| {
                let (own, peer) = pages(config);
                Link::resume(own, peer)
            };
            let plan = parts.session(number, &mine)?;
            let (link, channel) = (resume(&config.link), config.link.channel);
            let mut session = Session::new(number as u32, channel, link, plan);
            if config.deliveries.own != 0 {
                session = session.with_deliveries(resume(&config.deliveries));
            }
            if !target.add_session(session) {
                return Err(Misconfigured::Count);
            }
        }
        if again {
            target.recover(now);
        } else {
            target.open();
        }
        built.push(target).map_err(|_| Misconfigured::Count)?;
    }
    let (own, peer) = pages(&config.control);
    let control = Link::resume(own, peer);
    if !again {
        state::begin(region, shape);
    }
    Ok((Shadow::new(built, control, config.control.channel), again))
}
