//! A network shadow out of its configuration blob.

use device_class::net::Address;
use shadow::assemble::Parts;
pub use shadow::assemble::{Assembled, Misconfigured, State};
use system_spec::config::{RegionConfig, SESSION_PROMISCUOUS, ShadowSession, ShadowSlot};

use crate::Net;
use crate::memory::FrameMemory;
use crate::plan::{Plan, Terms};
use crate::station::{REGION_LEN, Station};

/// What the network class makes of the configuration; the memory of a region.
#[derive(Debug)]
pub struct Stations<F>(pub F);

fn region(index: u32) -> Result<u16, Misconfigured> {
    u16::try_from(index).map_err(|_| Misconfigured::Region)
}

impl<M: FrameMemory, F: Fn(&RegionConfig) -> M> Parts<Net<M>> for Stations<F> {
    fn learn(&self, slot: &ShadowSlot, _: &[&ShadowSession]) -> Result<Station<M>, Misconfigured> {
        let frames = (self.0)(&slot.scratch);
        if frames.len() < REGION_LEN {
            return Err(Misconfigured::Region);
        }
        Ok(Station::new(frames, region(slot.scratch_region)?))
    }

    fn session(&self, index: usize, sessions: &[&ShadowSession]) -> Result<Plan<M>, Misconfigured> {
        let session = sessions.get(index).ok_or(Misconfigured::Count)?;
        let address = Address::from_word(session.address);
        let terms = Terms {
            address: Some(address).filter(|address| *address != Address::default()),
            promiscuous: session.flags & SESSION_PROMISCUOUS != 0,
            index: index as u8,
            region: region(session.data_region)?,
        };
        Ok(Plan::new(terms, (self.0)(&session.data)))
    }
}
