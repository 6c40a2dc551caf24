//! A shadow out of its configuration blob.

use device_class::ClassId;
use heapless::Vec;
use shadow::engine::Shadow;
use shadow::session::Session;
use shadow::slot::{Side, Slot, Times};
use shadow::state;
use shared_ring::Link;
use shared_ring::page::Page;
use system_spec::config::{LinkConfig, MAX_SESSIONS, RegionConfig, ShadowConfig};

use crate::Block;
use crate::plan::Plan;
use crate::table::{Scratch, TableReader, Wish, wish};

/// The configuration cannot be: a mistake of whoever built the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misconfigured {
    /// The state region is too short.
    State,
    /// More slots or sessions than there may be, or a session on a slot that is not there.
    Count,
    /// A data region's index is too large.
    Region,
}

/// Build the shadow. `pages` gives the own and the peer's page of a link, `scratch` a region's memory.
///
/// # Errors
/// See [`Misconfigured`].
pub fn assemble<'s, S: Scratch, P: Page>(
    config: &ShadowConfig,
    state: &'s mut [u8],
    pages: impl Fn(&LinkConfig) -> (P, P),
    scratch: impl Fn(&RegionConfig) -> S,
    times: Times,
    now: u64,
) -> Result<Shadow<'s, Block<S>, P>, Misconfigured> {
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
    let kept =
        state::initialise(state, ClassId::Block as u32, slots.len()).map_err(|_| Misconfigured::State)?;
    let mut built = Vec::new();
    for ((index, slot), kept) in slots.iter().enumerate().zip(kept) {
        let side = |config: &LinkConfig| {
            let (own, peer) = pages(config);
            Side {
                link: Link::over(own, peer),
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
        let region = u16::try_from(slot.scratch_region).map_err(|_| Misconfigured::Region)?;
        let reader = TableReader::new(scratch(&slot.scratch), region, wishes);
        let sides = [side(&slot.sides[0]), side(&slot.sides[1])];
        let mut target = Slot::new(slot.slot, sides, kept, reader, times, now);
        let mut next_wish = 0;
        for (number, session) in mine().enumerate() {
            let wished = wish(&session.partition, session.partition_number).map(|_| {
                next_wish += 1;
                next_wish - 1
            });
            let region = u16::try_from(session.data_region).map_err(|_| Misconfigured::Region)?;
            let (own, peer) = pages(&session.link);
            let plan = Plan::new(wished, session.data_len, region);
            let number = number as u32;
            if !target.add_session(Session::new(
                number,
                session.link.channel,
                Link::over(own, peer),
                plan,
            )) {
                return Err(Misconfigured::Count);
            }
        }
        built.push(target).map_err(|_| Misconfigured::Count)?;
    }
    let (own, peer) = pages(&config.control);
    Ok(Shadow::new(built, Link::over(own, peer), config.control.channel))
}
