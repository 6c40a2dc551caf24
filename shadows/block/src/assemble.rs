//! A block shadow out of its configuration blob.

use heapless::Vec;
use shadow::assemble::Parts;
pub use shadow::assemble::{Assembled, Misconfigured, State};
use system_spec::config::{MAX_SESSIONS, RegionConfig, ShadowSession, ShadowSlot};

use crate::Block;
use crate::plan::Plan;
use crate::table::{Scratch, TableReader, Wish, wish};

/// What the block class makes of the configuration; the memory of a region.
#[derive(Debug)]
pub struct Disks<F>(pub F);

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
