//! Memory regions: root has the master capabilities of all their frames, and never revokes them.

use heapless::Vec;
use system_spec::spec::{Region, Spec};

use super::Failure;
use super::memory::{Memory, Objects};

/// Most regions of a system.
const MAX_REGIONS: usize = 256;

/// A region's frames.
#[derive(Clone, Copy, Debug)]
pub struct RegionFrames {
    /// Slot of the first frame's master.
    pub slot: u64,
    /// Physical address; the frames are contiguous.
    pub paddr: u64,
    /// What it is.
    pub region: Region,
}

/// All regions.
pub struct Regions {
    list: Vec<RegionFrames, MAX_REGIONS>,
}

impl Regions {
    /// Creates all frames, those at given addresses first and in ascending order, and fills them.
    pub fn create(spec: &Spec<'_>, memory: &mut Memory) -> Result<Self, Failure> {
        let mut order: Vec<(u64, usize), MAX_REGIONS> = Vec::new();
        let mut list = Vec::new();
        for (index, region) in spec.regions().enumerate() {
            order
                .push((region.phys_addr.unwrap_or(u64::MAX), index))
                .map_err(|_| Failure::TooMany)?;
            list.push(RegionFrames {
                slot: 0,
                paddr: 0,
                region,
            })
            .map_err(|_| Failure::TooMany)?;
        }
        order.sort_unstable();
        for (_, index) in order {
            let entry: &mut RegionFrames = list.get_mut(index).ok_or(Failure::Reference)?;
            let (bits, pages) = (entry.region.page_bits, entry.region.pages());
            let Objects { slot, paddr } = match entry.region.phys_addr {
                Some(paddr) => memory.frames_at(paddr, bits, pages)?,
                None => memory.frames(bits, pages)?,
            };
            (entry.slot, entry.paddr) = (slot, paddr);
        }
        let regions = Self { list };
        regions.fill(spec, memory)?;
        Ok(regions)
    }

    /// The frames of a region.
    pub fn get(&self, index: usize) -> Result<RegionFrames, Failure> {
        self.list.get(index).copied().ok_or(Failure::Reference)
    }

    fn fill(&self, spec: &Spec<'_>, memory: &mut Memory) -> Result<(), Failure> {
        for fill in spec.fills() {
            let frames = self.get(fill.region)?;
            let page = 1u64 << frames.region.page_bits;
            let (mut at, mut content) = (fill.offset, fill.content);
            while !content.is_empty() {
                let offset = at % page;
                let (now, rest) = content.split_at(content.len().min((page - offset) as usize));
                let frame = frames.slot + at / page;
                memory.fill(frame, frames.region.page_bits, offset as usize, now, false)?;
                (at, content) = (at + now.len() as u64, rest);
            }
        }
        Ok(())
    }
}
