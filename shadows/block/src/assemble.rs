//! A shadow out of its configuration blob.

use device_class::ClassId;
use heapless::Vec;
use shadow::engine::Shadow;
use shadow::ledger::{Ledger, Region};
use shadow::session::Session;
use shadow::slot::{Side, Slot, Times};
use shadow::state::{self, Found, Shape};
use shared_ring::Link;
use shared_ring::page::Page;
use system_spec::config::{LinkConfig, MAX_SESSIONS, RegionConfig, ShadowConfig};

use crate::Block;
use crate::plan::Plan;
use crate::table::{Scratch, TableReader, Wish, wish};

/// The configuration cannot be: a mistake of whoever built the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misconfigured {
    /// The state region is too short, or holds what another shadow left there.
    State,
    /// More slots or sessions than there may be, or a session on a slot that is not there.
    Count,
    /// A data region's index is too large.
    Region,
}

/// A shadow, and whether it goes on from what a predecessor left.
pub type Assembled<'s, S, P, R> = (Shadow<'s, Block<S>, P, R>, bool);

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

/// Build the shadow in `memory`; `pages` gives the own and the peer's page of a link,
/// `scratch` a region's memory. Whatever a predecessor left in region and pages is gone on from.
///
/// # Errors
/// See [`Misconfigured`].
pub fn assemble<'s, S: Scratch, P: Page, R: Region>(
    config: &ShadowConfig,
    memory: State<'_, 's, impl Region, impl Fn(usize) -> Option<Ledger<R>>>,
    pages: impl Fn(&LinkConfig) -> (P, P),
    scratch: impl Fn(&RegionConfig) -> S,
    times: Times,
    now: u64,
) -> Result<Assembled<'s, S, P, R>, Misconfigured> {
    let State { region, ledger, work } = memory;
    let slots = config
        .slots
        .get(..config.slot_count as usize)
        .ok_or(Misconfigured::Count)?;
    let sessions = config
        .sessions
        .get(..config.session_count as usize)
        .ok_or(Misconfigured::Count)?;
    if sessions
        .iter()
        .any(|session| session.slot_index as usize >= slots.len())
    {
        return Err(Misconfigured::Count);
    }
    let shape = Shape {
        class: ClassId::Block as u32,
        slots: config.slot_count,
        sessions: config.session_count,
    };
    let again = match state::find(region, shape) {
        Found::Nothing => false,
        Found::Predecessor => true,
        Found::Stranger => return Err(Misconfigured::State),
    };
    let kept = state::initialise(work, slots.len()).map_err(|_| Misconfigured::State)?;
    let mut built = Vec::new();
    for ((index, slot), kept) in slots.iter().enumerate().zip(kept) {
        let side = |config: &LinkConfig| {
            let (own, peer) = pages(config);
            Side {
                link: Link::resume(own, peer),
                channel: config.channel,
            }
        };
        let mine = || {
            sessions
                .iter()
                .filter(|session| session.slot_index as usize == index)
        };
        let wishes: Vec<Wish, MAX_SESSIONS> = mine()
            .filter_map(|session| wish(&session.partition, session.partition_number))
            .collect();
        let number = u16::try_from(slot.scratch_region).map_err(|_| Misconfigured::Region)?;
        let reader = TableReader::new(scratch(&slot.scratch), number, wishes);
        let sides = [side(&slot.sides[0]), side(&slot.sides[1])];
        let ledger = ledger(index).ok_or(Misconfigured::State)?;
        let mut target = Slot::with_ledger(slot.slot, sides, kept, reader, times, now, ledger);
        let mut next_wish = 0;
        for (number, session) in mine().enumerate() {
            let wished = wish(&session.partition, session.partition_number).map(|_| {
                next_wish += 1;
                next_wish - 1
            });
            let data_region = u16::try_from(session.data_region).map_err(|_| Misconfigured::Region)?;
            let (own, peer) = pages(&session.link);
            let plan = Plan::new(wished, session.data_len, data_region);
            let number = number as u32;
            if !target.add_session(Session::new(
                number,
                session.link.channel,
                Link::resume(own, peer),
                plan,
            )) {
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
