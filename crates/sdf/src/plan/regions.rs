//! Memory regions: described ones and derived ones.

use system_spec::spec::record::{ANYWHERE, FillRecord, RegionRecord};

use super::Plan;
use crate::element::memory_region::MemoryRegion;
use crate::element::setvar::Value;
use crate::error::{At, Fault, Rule};
use crate::{File, Files};

/// A region.
#[derive(Clone, Debug)]
pub(crate) struct RegionPlan {
    pub name: String,
    pub record: RegionRecord,
    /// Registers, not memory: mapped as such in derived mappings.
    pub device: bool,
    /// Bytes it starts with.
    pub prefill_len: Option<u64>,
}

const SMALL: u64 = 0x1000;
const LARGE: u64 = 0x20_0000;

impl Plan<'_> {
    /// Index of the region with this name.
    pub fn region_index(&self, name: &str, at: &At) -> Result<usize, Fault> {
        let unknown = || Rule::UnknownName {
            kind: "memory region",
            name: name.to_owned(),
        };
        let described = self.regions.iter().take(self.description.regions.len());
        let found = described.enumerate().find(|(_, region)| region.name == name);
        found.map(|(index, _)| index).ok_or_else(|| Fault {
            at: at.clone(),
            rule: unknown(),
        })
    }

    /// A derived region of ordinary memory.
    pub fn memory(&mut self, name: String, size: u64) -> usize {
        let page_bits = if size.is_multiple_of(LARGE) { 21 } else { 12 };
        self.add(
            name,
            RegionRecord {
                size,
                phys_addr: ANYWHERE,
                page_bits,
                reserved: 0,
            },
            false,
        )
    }
    /// A derived region of ordinary memory with an address that the host knows.
    pub fn placed_memory(&mut self, name: String, size: u64) -> usize {
        let phys_addr = self.next_phys;
        self.next_phys += size;
        self.add(
            name,
            RegionRecord {
                size,
                phys_addr,
                page_bits: 12,
                reserved: 0,
            },
            false,
        )
    }
    /// A derived region of device registers.
    pub fn device(&mut self, name: String, (start, size): (u64, u64), at: &At) -> Result<usize, Fault> {
        self.check_phys(start, start + size, at)?;
        let large = start.is_multiple_of(LARGE) && size.is_multiple_of(LARGE);
        Ok(self.add(
            name,
            RegionRecord {
                size,
                phys_addr: start,
                page_bits: if large { 21 } else { 12 },
                reserved: 0,
            },
            true,
        ))
    }
    /// Content for a region.
    pub fn fill(&mut self, region: usize, region_offset: u64, content: Vec<u8>) {
        let record = FillRecord {
            region_offset,
            region: region as u32,
            offset: 0,
            len: 0,
            reserved: 0,
        };
        self.sources.fills.push((record, content));
    }

    fn add(&mut self, name: String, record: RegionRecord, device: bool) -> usize {
        self.regions.push(RegionPlan {
            name,
            record,
            device,
            prefill_len: None,
        });
        self.regions.len() - 1
    }

    /// The regions of the description, which keep their order and come first.
    pub fn described_regions(&mut self, files: Files<'_>) -> Result<(), Fault> {
        let description = self.description;
        let needs_address = |name: &str| {
            let mut setvars = description.pds.iter().flat_map(|pd| &pd.setvars);
            setvars.any(|setvar| matches!(&setvar.value, Value::RegionPaddr(region) if region == name))
        };
        for region in &description.regions {
            let content = prefill(region, files)?;
            let len = content.as_ref().map(|c| c.len() as u64);
            let smallest = region.page_size.unwrap_or(SMALL);
            let size = region
                .size
                .unwrap_or_else(|| len.unwrap_or(0).max(1).next_multiple_of(smallest));
            if let Some(len) = len.filter(|&len| len > size) {
                let what = region.prefill_path.clone().unwrap_or_default();
                return Err(Fault {
                    at: region.at.clone(),
                    rule: Rule::FileSize {
                        what,
                        len,
                        room: size,
                    },
                });
            }
            let fits_large =
                size.is_multiple_of(LARGE) && region.phys_addr.unwrap_or(0).is_multiple_of(LARGE);
            let page = region.page_size.unwrap_or(if fits_large { LARGE } else { SMALL });
            let phys_addr = match region.phys_addr {
                Some(start) => {
                    self.check_phys(start, start.saturating_add(size), &region.at)?;
                    start
                }
                None if needs_address(&region.name) => {
                    let start = self.next_phys.next_multiple_of(page);
                    self.next_phys = start + size;
                    start
                }
                None => ANYWHERE,
            };
            let record = RegionRecord {
                size,
                phys_addr,
                page_bits: page.trailing_zeros(),
                reserved: 0,
            };
            let index = self.add(region.name.clone(), record, false);
            self.regions[index].prefill_len = len;
            if let Some(content) = content {
                self.fill(index, 0, content);
            }
        }
        Ok(())
    }

    fn check_phys(&self, start: u64, end: u64, at: &At) -> Result<(), Fault> {
        let meets = |region: &&RegionPlan| {
            let record = region.record;
            record.phys_addr != ANYWHERE && start < record.phys_addr + record.size && record.phys_addr < end
        };
        match self.regions.iter().find(meets) {
            Some(other) => Err(Fault {
                at: at.clone(),
                rule: Rule::PhysOverlap {
                    start,
                    end,
                    other: other.name.clone(),
                },
            }),
            None => Ok(()),
        }
    }
}

fn prefill(region: &MemoryRegion, files: Files<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let Some(path) = &region.prefill_path else {
        return Ok(None);
    };
    let wrong = |why| Fault {
        at: region.at.clone(),
        rule: Rule::File {
            what: path.clone(),
            why,
        },
    };
    let content = files(File::Prefill(path)).map_err(wrong)?;
    if content.is_empty() {
        Err(wrong("it is empty".to_owned()))
    } else {
        Ok(Some(content))
    }
}
