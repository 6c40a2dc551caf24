//! A block shadow out of its configuration blob.

use heapless::Vec;
use shadow::assemble::Parts;
pub use shadow::assemble::{Misconfigured, State};
use shadow::ledger::{Ledger, Region};
use shadow::slot::Times;
use shared_ring::page::Page;
use system_spec::config::{LinkConfig, MAX_SESSIONS, RegionConfig, ShadowConfig, ShadowSession, ShadowSlot};

use crate::Block;
use crate::plan::Plan;
use crate::table::{Scratch, TableReader, Wish, wish};

/// A shadow, and whether it goes on from what a predecessor left.
pub type Assembled<'s, S, P, R> = shadow::assemble::Assembled<'s, Block<S>, P, R>;

/// What the block class makes of the configuration; the memory of a region.
struct Disks<F>(F);

fn wished(session: &ShadowSession) -> Option<Wish> {
    wish(&session.partition, session.partition_number)
}

fn region(index: u32) -> Result<u16, Misconfigured> {
    u16::try_from(index).map_err(|_| Misconfigured::Region)
}

impl<S: Scratch, F: Fn(&RegionConfig) -> S> Parts<Block<S>> for Disks<F> {
    fn learn(&self, slot: &ShadowSlot, sessions: &[&ShadowSession]) -> Result<TableReader<S>, Misconfigured> {
        let wishes: Vec<Wish, MAX_SESSIONS> = sessions.iter().filter_map(|session| wished(session)).collect();
        let number = region(slot.scratch_region)?;
        Ok(TableReader::new((self.0)(&slot.scratch), number, wishes))
    }

    fn session(&self, index: usize, sessions: &[&ShadowSession]) -> Result<Plan, Misconfigured> {
        let session = sessions.get(index).ok_or(Misconfigured::Count)?;
        let earlier = sessions[..index]
            .iter()
            .filter(|session| wished(session).is_some());
        let wish = wished(session).map(|_| earlier.count());
        Ok(Plan::new(wish, session.data_len, region(session.data_region)?))
    }
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
    shadow::assemble::assemble(config, memory, pages, &Disks(scratch), times, now)
}
