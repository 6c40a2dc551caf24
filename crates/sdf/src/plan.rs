//! Decides what a description leaves open, and collects what root and the programs are told.

mod addresses;
mod regions;

use system_spec::config::NAME_MAX;
use system_spec::spec::record::{
    CallerRecord, ChannelRecord, EndRecord, IrqRecord, MapRecord, NONE, PdRecord, SegmentRecord,
};
use system_spec::spec::{Rights, Sources, name_bytes};

use crate::check::pd_index;
use crate::element::protection_domain::ProtectionDomain;
use crate::element::setvar::{Setvar, Value};
use crate::element::system::Description;
use crate::error::{At, Fault, Rule};
use crate::output::{Patch, Program, System};
use crate::{Files, PublicKey, role};

pub(crate) use addresses::{IPC_BUFFER, STACK_TOP};
pub(crate) use regions::RegionPlan;

/// What is decided for a PD.
#[derive(Clone, Debug, Default)]
pub(crate) struct PdPlan {
    /// Channel and interrupt ids in use.
    pub used: u64,
    /// Ids on which it may notify, may call, and gets interrupts.
    pub notifications: u64,
    pub calls: u64,
    pub irqs: u64,
    /// Where the next derived region is mapped.
    pub next_vaddr: u64,
    /// Symbols to write.
    pub setvars: Vec<Setvar>,
    /// Configuration blobs by symbol.
    pub blobs: Vec<(&'static str, Vec<u8>)>,
    /// Mappings with what they are called and where they were described, for overlaps.
    pub mapped: Vec<(u64, u64, String, At)>,
}

/// The decisions so far.
pub(crate) struct Plan<'a> {
    pub description: &'a Description,
    /// Keys that the system is to trust.
    pub keys: &'a [PublicKey],
    pub pds: Vec<PdPlan>,
    pub regions: Vec<RegionPlan>,
    pub sources: Sources,
    /// Where the next region with an address known to the host is put.
    pub next_phys: u64,
}

/// Decides everything.
pub fn plan(description: &Description, keys: &[PublicKey], files: Files<'_>) -> Result<System, Fault> {
    let pds = description.pds.iter().map(|pd| PdPlan {
        next_vaddr: addresses::DERIVED_BASE,
        setvars: pd.setvars.clone(),
        ..PdPlan::default()
    });
    let mut plan = Plan {
        description,
        keys,
        pds: pds.collect(),
        regions: Vec::new(),
        sources: Sources::default(),
        next_phys: addresses::PHYS_POOL,
    };
    plan.described_regions(files)?;
    plan.described_ids()?;
    plan.described_maps()?;
    role::derive(&mut plan, files)?;
    plan.check_overlaps()?;
    plan.finish()
}

impl Plan<'_> {
    /// The description of a PD.
    pub fn pd(&self, pd: usize) -> &ProtectionDomain {
        &self.description.pds[pd]
    }

    /// Takes the lowest free channel id of a PD.
    pub fn take_id(&mut self, pd: usize) -> Result<u32, Fault> {
        let id = (!self.pds[pd].used).trailing_zeros();
        if id >= system_spec::spec::MAX_CHANNELS {
            let ProtectionDomain { at, name, .. } = self.pd(pd);
            return Err(Fault {
                at: at.clone(),
                rule: Rule::NoIdLeft { pd: name.clone() },
            });
        }
        self.pds[pd].used |= 1 << id;
        Ok(id)
    }

    /// A derived channel; `call` says that the first PD calls the second. Both notify. Returns the ids.
    pub fn channel(&mut self, a: usize, b: usize, call: bool) -> Result<(u32, u32), Fault> {
        let (at, upper) = (self.pd(a).at.clone(), self.pd(b));
        if call && upper.priority <= self.pd(a).priority {
            let (upper, lower) = (upper.name.clone(), self.pd(a).name.clone());
            return Err(Fault {
                at,
                rule: Rule::Priority { upper, lower },
            });
        }
        let (id_a, id_b) = (self.take_id(a)?, self.take_id(b)?);
        let end = |pd: usize, id, call| EndRecord {
            pd: pd as u32,
            id,
            flags: 1 | u32::from(call) << 1,
        };
        self.sources.channels.push(ChannelRecord {
            ends: [end(a, id_a, call), end(b, id_b, false)],
        });
        self.pds[a].notifications |= 1 << id_a;
        self.pds[b].notifications |= 1 << id_b;
        self.pds[a].calls |= u64::from(call) << id_a;
        Ok((id_a, id_b))
    }

    /// A channel to root. Returns the id.
    pub fn caller(&mut self, pd: usize, role: system_spec::spec::Role) -> Result<u32, Fault> {
        let channel = self.take_id(pd)?;
        self.pds[pd].calls |= 1 << channel;
        self.sources.callers.push(CallerRecord {
            pd: pd as u32,
            channel,
            role: role.number(),
        });
        Ok(channel)
    }

    /// Maps a whole region into a PD at the next free address, which it returns.
    pub fn map(&mut self, pd: usize, region: usize, write: bool) -> u64 {
        let (size, page) = (
            self.regions[region].record.size,
            1 << self.regions[region].record.page_bits,
        );
        let vaddr = self.pds[pd].next_vaddr.next_multiple_of(page);
        // A page stays free behind each region, so that a run past the end faults.
        self.pds[pd].next_vaddr = vaddr + size + 0x1000;
        let device = self.regions[region].device;
        let at = self.pd(pd).at.clone();
        self.map_at(
            pd,
            region,
            vaddr,
            Rights {
                write,
                execute: false,
            },
            !device,
            at,
        );
        vaddr
    }

    fn map_at(&mut self, pd: usize, region: usize, vaddr: u64, rights: Rights, cached: bool, at: At) {
        let RegionPlan { record, name, .. } = &self.regions[region];
        self.pds[pd]
            .mapped
            .push((vaddr, vaddr + record.size, name.clone(), at));
        self.sources.maps.push(MapRecord {
            vaddr,
            pd: pd as u32,
            region: region as u32,
            first_page: 0,
            page_count: (record.size >> record.page_bits) as u32,
            rights: rights.bits(),
            cached: cached.into(),
        });
    }

    fn described_ids(&mut self) -> Result<(), Fault> {
        for (index, pd) in self.description.pds.iter().enumerate() {
            for irq in &pd.irqs {
                self.use_id(index, irq.id, &irq.at)?;
                self.pds[index].irqs |= 1 << irq.id;
                self.sources.irqs.push(IrqRecord {
                    pd: index as u32,
                    irq: irq.irq as u32,
                    trigger: irq.edge.into(),
                    channel: irq.id as u32,
                });
            }
        }
        for channel in &self.description.channels {
            let mut ends = [EndRecord {
                pd: 0,
                id: 0,
                flags: 0,
            }; 2];
            for (record, end) in ends.iter_mut().zip(&channel.ends) {
                let pd = pd_index(&self.description.pds, &end.at, &end.pd)?;
                self.use_id(pd, end.id, &end.at)?;
                let plan = &mut self.pds[pd];
                plan.notifications |= u64::from(end.notify) << end.id;
                plan.calls |= u64::from(end.call) << end.id;
                if let Some(setvar) = &end.setvar {
                    if plan.setvars.iter().any(|other| other.symbol == setvar.symbol) {
                        let rule = Rule::DuplicateSetvar {
                            symbol: setvar.symbol.clone(),
                        };
                        return Err(Fault {
                            at: end.at.clone(),
                            rule,
                        });
                    }
                    plan.setvars.push(setvar.clone());
                }
                let flags = u32::from(end.notify) | u32::from(end.call) << 1;
                *record = EndRecord {
                    pd: pd as u32,
                    id: end.id as u32,
                    flags,
                };
            }
            self.sources.channels.push(ChannelRecord { ends });
        }
        Ok(())
    }

    fn use_id(&mut self, pd: usize, id: u64, at: &At) -> Result<(), Fault> {
        if self.pds[pd].used & 1 << id != 0 {
            let rule = Rule::DuplicateId {
                pd: self.pd(pd).name.clone(),
                id,
            };
            return Err(Fault { at: at.clone(), rule });
        }
        self.pds[pd].used |= 1 << id;
        Ok(())
    }

    fn described_maps(&mut self) -> Result<(), Fault> {
        for (index, pd) in self.description.pds.iter().enumerate() {
            for map in &pd.maps {
                let region = self.region_index(&map.region, &map.at)?;
                let record = self.regions[region].record;
                let page = 1u64 << record.page_bits;
                let wrong = |rule| {
                    Err(Fault {
                        at: map.at.clone(),
                        rule,
                    })
                };
                if !map.vaddr.is_multiple_of(page) {
                    return wrong(Rule::Misaligned {
                        name: "vaddr",
                        value: map.vaddr,
                        to: page,
                    });
                }
                let end = map.vaddr.saturating_add(record.size);
                let limit = STACK_TOP - pd.stack_size - 0x1000;
                if end > limit {
                    return wrong(Rule::MapRange { end, limit });
                }
                self.map_at(index, region, map.vaddr, map.rights, map.cached, map.at.clone());
            }
        }
        Ok(())
    }

    fn check_overlaps(&self) -> Result<(), Fault> {
        for (pd, plan) in self.description.pds.iter().zip(&self.pds) {
            for (index, (start, end, region, at)) in plan.mapped.iter().enumerate() {
                let meets = |other: &&(u64, u64, String, At)| *start < other.1 && other.0 < *end;
                if let Some(other) = plan.mapped[..index].iter().find(meets) {
                    let rule = Rule::MapOverlap {
                        pd: pd.name.clone(),
                        region: region.clone(),
                        start: *start,
                        end: *end,
                        other: other.2.clone(),
                    };
                    return Err(Fault { at: at.clone(), rule });
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<System, Fault> {
        let mut programs = Vec::new();
        for (index, pd) in self.description.pds.iter().enumerate() {
            programs.push(Program {
                name: pd.name.clone(),
                image: pd.image.path.clone(),
                image_for_symbols: pd.image.path_for_symbols.clone(),
                patches: self.patches(index)?,
            });
            let restart = if pd.restart { PdRecord::RESTART } else { 0 };
            self.sources.pds.push(PdRecord {
                name: name_bytes(&pd.name).unwrap_or([0; NAME_MAX]),
                flags: u32::from(pd.passive) | u32::from(!pd.fpu) << 1 | restart,
                priority: pd.priority.into(),
                first_segment: 0,
                segment_count: 0,
                parent: pd.parent.map_or(NONE, |(parent, _)| parent as u32),
                child_id: pd.parent.map_or(0, |(_, id)| id as u32),
                stack_pages: (pd.stack_size >> 12) as u32,
                budget_us: pd.budget_us,
                period_us: pd.period_us,
                entry: 0,
                stack_top: STACK_TOP,
                ipc_buffer: IPC_BUFFER,
            });
        }
        self.sources.regions = self.regions.iter().map(|region| region.record).collect();
        self.sources.segments = Vec::<(SegmentRecord, Vec<u8>)>::new();
        Ok(System {
            programs,
            sources: self.sources,
        })
    }

    fn patches(&self, pd: usize) -> Result<Vec<Patch>, Fault> {
        let (described, plan) = (self.pd(pd), &self.pds[pd]);
        let mut name = described.name.clone().into_bytes();
        name.push(0);
        let word = |symbol: &str, value: u64| Patch::new(symbol, value.to_le_bytes().to_vec());
        let mut patches = vec![
            Patch::new("microkit_name", name),
            Patch::new("microkit_passive", vec![described.passive.into()]),
            word("microkit_irqs", plan.irqs),
            word("microkit_notifications", plan.notifications),
            word("microkit_pps", plan.calls),
            Patch {
                required: false,
                ..word("microkit_ioports", 0)
            },
        ];
        for setvar in &plan.setvars {
            patches.push(Patch {
                word: true,
                ..word(&setvar.symbol, self.value(setvar)?)
            });
        }
        for (symbol, blob) in &plan.blobs {
            patches.push(Patch {
                exact: true,
                ..Patch::new(symbol, blob.clone())
            });
        }
        Ok(patches)
    }

    fn value(&self, setvar: &Setvar) -> Result<u64, Fault> {
        let region = |name: &str| {
            self.region_index(name, &setvar.at)
                .map(|index| &self.regions[index])
        };
        Ok(match &setvar.value {
            Value::Number(number) => *number,
            Value::RegionSize(name) => region(name)?.record.size,
            Value::RegionPaddr(name) => region(name)?.record.phys_addr,
            Value::PrefillSize(name) => match region(name)?.prefill_len {
                Some(len) => len,
                None => {
                    let rule = Rule::MissingAttribute { name: "prefill_path" };
                    return Err(Fault {
                        at: setvar.at.clone(),
                        rule,
                    });
                }
            },
        })
    }
}
