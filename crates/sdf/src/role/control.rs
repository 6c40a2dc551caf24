//! Control: it has to do with everybody.

use system_spec::config::{
    ControlConfig, ControlReport, ControlSlot, ControlTrace, MAX_PACKAGES, MAX_REPORTS, MAX_SHADOWS,
    MAX_TRACES, WatchConfig,
};
use system_spec::spec::Role;
use zerocopy::FromZeros;

use super::small::{TimerPlan, trust};
use super::{Derived, NO_CHANNEL, blob, configure, name, own_region, read_region};
use crate::error::{At, Fault, Rule};
use crate::plan::Plan;
use crate::{File, Files};

/// Bytes of root's trace.
const ROOT_TRACE: u64 = 0x4000;

/// Control's blob as far as it is known.
pub(crate) struct ControlPlan {
    pd: Option<usize>,
    /// The blob.
    pub config: Box<ControlConfig>,
    /// Traces by the names of their writers: control's own, and those that it reads.
    traces: Vec<(String, usize)>,
    /// Region of the package store.
    pub store: Option<usize>,
}

impl ControlPlan {
    /// What control has for itself: root, timer, store, state, traces.
    pub fn new(
        plan: &mut Plan<'_>,
        derived: &Derived,
        timer: &mut TimerPlan,
        files: Files<'_>,
    ) -> Result<Self, Fault> {
        let mut this = Self {
            pd: derived.control,
            config: Box::new(ControlConfig::new_zeroed()),
            traces: Vec::new(),
            store: None,
        };
        let Some(pd) = this.pd else { return Ok(this) };
        this.config.bus_channel = NO_CHANNEL;
        this.config.iommu_channel = NO_CHANNEL;
        this.config.command.channel = NO_CHANNEL;
        this.config.stager.channel = NO_CHANNEL;
        this.config.root_channel = plan.caller(pd, Role::Control)?.into();
        this.config.timer_channel = timer.client(plan, pd)?;
        this.config.trust = trust(plan.keys);
        this.packages(plan, pd, files)?;
        let (state_size, trace_size) = (plan.pd(pd).state_size, plan.pd(pd).trace_size);
        this.config.state = own_region(plan, pd, "state", state_size).1;
        let (own_trace, own_config) = own_region(plan, pd, "trace", trace_size);
        this.config.trace = own_config;
        this.traces.push((plan.pd(pd).name.clone(), own_trace));
        let root_trace = plan.memory("trace of root".to_owned(), ROOT_TRACE);
        plan.sources.root_trace = Some(root_trace as u32);
        this.trace(plan, "root", root_trace)?;
        Ok(this)
    }

    /// The store with the packages that come with the image; and the slots, which name theirs by its place in the store.
    fn packages(&mut self, plan: &mut Plan<'_>, pd: usize, files: Files<'_>) -> Result<(), Fault> {
        let store = plan.description.store.clone().unwrap_or_default();
        let mut names: Vec<(At, String)> = Vec::new();
        let of_slots = plan
            .description
            .slots
            .iter()
            .map(|slot| (slot.at.clone(), slot.package.clone()));
        for (at, package) in of_slots.chain(store.packages.iter().cloned()) {
            if !names.iter().any(|(_, other)| *other == package) {
                names.push((at, package));
            }
        }
        let max = MAX_PACKAGES.min(store.slots as usize);
        if let Some((at, _)) = names.get(max) {
            return Err(Fault {
                at: at.clone(),
                rule: Rule::TooMany {
                    kind: "packages",
                    max,
                },
            });
        }
        let size = u64::from(store.slots) * store.slot_size;
        let region = plan.memory("package store".to_owned(), size.next_multiple_of(0x1000));
        for (index, (at, package)) in names.iter().enumerate() {
            let wrong = |rule| Fault { at: at.clone(), rule };
            let content = files(File::Package(package)).map_err(|why| {
                wrong(Rule::File {
                    what: format!("package {package}"),
                    why,
                })
            })?;
            let len = content.len() as u64;
            if len > store.slot_size {
                return Err(wrong(Rule::FileSize {
                    what: package.clone(),
                    len,
                    room: store.slot_size,
                }));
            }
            self.config.preloaded_len[index] = len as u32;
            plan.fill(region, index as u64 * store.slot_size, content);
        }
        self.store = Some(region);
        self.config.store.vaddr = plan.map(pd, region, true);
        self.config.store.len = size;
        self.config.package_size = store.slot_size;
        self.config.package_count = store.slots;
        self.config.preloaded_count = names.len() as u32;
        for (number, slot) in plan.description.slots.iter().enumerate() {
            let package = names
                .iter()
                .position(|(_, name)| *name == slot.package)
                .unwrap_or(0);
            self.config.slots[number] = ControlSlot {
                name: name(&slot.name),
                class: slot.class,
                shadow: 0,
                package: package as u32,
                slot: number as u32,
                security_floor: slot.security_floor,
                guarded: 0,
                device: super::small::identity(slot),
            };
        }
        self.config.slot_count = plan.description.slots.len() as u32;
        Ok(())
    }

    /// Lets control read a trace.
    pub fn trace(&mut self, plan: &mut Plan<'_>, of: &str, region: usize) -> Result<(), Fault> {
        let Some(pd) = self.pd else { return Ok(()) };
        let index = self.config.trace_count as usize;
        let full = room(plan, pd, "traces", index, MAX_TRACES);
        full?;
        self.traces.push((of.to_owned(), region));
        let region = read_region(plan, pd, region);
        self.config.traces[index] = ControlTrace {
            name: name(of),
            reserved: 0,
            region,
        };
        self.config.trace_count += 1;
        Ok(())
    }

    /// Links control to a shadow, which gets its end.
    pub fn shadow(
        &mut self,
        plan: &mut Plan<'_>,
        shadow: usize,
    ) -> Result<Option<system_spec::config::LinkConfig>, Fault> {
        let Some(pd) = self.pd else { return Ok(None) };
        let index = self.config.shadow_count as usize;
        room(plan, shadow, "shadows", index, MAX_SHADOWS)?;
        let [at_control, at_shadow] = super::link(plan, pd, shadow, false)?;
        self.config.shadows[index] = at_control;
        self.config.shadow_count += 1;
        for (slot, described) in self.config.slots.iter_mut().zip(&plan.description.slots) {
            if described.shadow == plan.description.pds[shadow].name {
                slot.shadow = index as u32;
            }
        }
        Ok(Some(at_shadow))
    }

    /// Lets control read a client's report and stop it in order; the client's channel.
    pub fn client(
        &mut self,
        plan: &mut Plan<'_>,
        client: usize,
        report: Option<usize>,
    ) -> Result<u64, Fault> {
        let Some(pd) = self.pd else { return Ok(NO_CHANNEL) };
        let index = self.config.report_count as usize;
        room(plan, client, "clients", index, MAX_REPORTS)?;
        let (at_control, at_client) = plan.channel(pd, client, false)?;
        let region = report
            .map(|region| read_region(plan, pd, region))
            .unwrap_or_default();
        let name = name(&plan.pd(client).name);
        self.config.reports[index] = ControlReport {
            name,
            reserved: 0,
            region,
            channel: at_control.into(),
        };
        self.config.report_count += 1;
        Ok(at_client.into())
    }

    /// Lets a PD read all traces that control can read, and control's own.
    fn watcher(&self, plan: &mut Plan<'_>, pd: usize) {
        let mut config = Box::new(WatchConfig::new_zeroed());
        for (entry, (of, region)) in config.traces.iter_mut().zip(&self.traces) {
            entry.name = name(of);
            entry.region = read_region(plan, pd, *region);
            config.trace_count += 1;
        }
        for (entry, slot) in config.slots.iter_mut().zip(&plan.description.slots) {
            *entry = name(&slot.name);
            config.slot_count += 1;
        }
        blob(plan, pd, "umbra_watched", &*config);
    }

    /// Writes the blobs.
    pub fn finish(self, plan: &mut Plan<'_>) {
        for pd in 0..plan.description.pds.len() {
            if plan.description.pds[pd].watch {
                self.watcher(plan, pd);
            }
        }
        if let Some(pd) = self.pd {
            configure(plan, pd, &*self.config);
        }
    }
}

fn room(plan: &Plan<'_>, pd: usize, kind: &'static str, index: usize, max: usize) -> Result<(), Fault> {
    if index < max {
        return Ok(());
    }
    Err(Fault {
        at: plan.pd(pd).at.clone(),
        rule: Rule::TooMany { kind, max },
    })
}
