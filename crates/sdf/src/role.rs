//! Roles: from what a PD is in updates follow its links, regions and configuration blob.

mod client;
mod control;
mod files;
mod guard;
mod iommu;
mod shadow;
mod small;
pub(crate) use small::stager_slot;

use system_spec::config::{LinkConfig, Name, RegionConfig};
use system_spec::spec::name_bytes;
use zerocopy::{Immutable, IntoBytes};

use crate::Files;
use crate::element::protection_domain::Role;
use crate::error::Fault;
use crate::plan::Plan;

/// The channel of somebody who is not there.
pub const NO_CHANNEL: u64 = u64::MAX;

/// What the roles have to do with each other, gathered role by role and written to blobs at the end.
#[derive(Default)]
pub(crate) struct Derived {
    /// PDs by role.
    control: Option<usize>,
    bus: Option<usize>,
    iommu: Option<usize>,
    timer: Option<usize>,
    stager: Option<usize>,
    command: Option<usize>,
    shadows: Vec<usize>,
}

/// Derives everything and leaves a blob in each PD with a role.
pub fn derive(plan: &mut Plan<'_>, files: Files<'_>) -> Result<(), Fault> {
    let pds = &plan.description.pds;
    let all = |role| {
        pds.iter()
            .enumerate()
            .filter(move |(_, pd)| pd.role == Some(role))
            .map(|(index, _)| index)
    };
    let derived = Derived {
        control: all(Role::Control).next(),
        bus: all(Role::Bus).next(),
        iommu: all(Role::Iommu).next(),
        timer: all(Role::Timer).next(),
        stager: all(Role::Stager).next(),
        command: all(Role::Command).next(),
        shadows: all(Role::Shadow).collect(),
    };
    let mut timer = small::TimerPlan::new(derived.timer);
    let slots = shadow::slots(plan)?;
    let mut control = control::ControlPlan::new(plan, &derived, &mut timer, files)?;
    small::bus(plan, &derived, &slots, &mut control)?;
    iommu::iommu(plan, &derived, &mut control)?;
    small::stager(plan, &derived, &mut control)?;
    small::command(plan, &derived, &mut control)?;
    shadow::shadows(plan, &derived, slots, &mut timer, &mut control)?;
    timer.finish(plan);
    control.finish(plan);
    guard::guard(plan)?;
    files::sessions(plan)?;
    Ok(())
}

/// Two pages, one for each to write, and a channel. The first PD may call the second.
pub(crate) fn link(plan: &mut Plan<'_>, a: usize, b: usize, call: bool) -> Result<[LinkConfig; 2], Fault> {
    let (id_a, id_b) = plan.channel(a, b, call)?;
    Ok(pages(plan, "link", (a, id_a.into()), (b, id_b.into())))
}

/// Two pages, one for each of two PDs to write, on a channel that they have.
pub(crate) fn pages(
    plan: &mut Plan<'_>,
    what: &str,
    (a, id_a): (usize, u64),
    (b, id_b): (usize, u64),
) -> [LinkConfig; 2] {
    let (name_a, name_b) = (plan.pd(a).name.clone(), plan.pd(b).name.clone());
    let page_a = plan.memory(format!("{what} {name_a} to {name_b}"), 0x1000);
    let page_b = plan.memory(format!("{what} {name_b} to {name_a}"), 0x1000);
    let end_a = LinkConfig {
        own: plan.map(a, page_a, true),
        peer: plan.map(a, page_b, false),
        channel: id_a,
    };
    let end_b = LinkConfig {
        own: plan.map(b, page_b, true),
        peer: plan.map(b, page_a, false),
        channel: id_b,
    };
    [end_a, end_b]
}

/// A derived region of this size, mapped at `pd` for writing.
pub(crate) fn own_region(plan: &mut Plan<'_>, pd: usize, what: &str, size: u64) -> (usize, RegionConfig) {
    let name = format!("{what} of {}", plan.pd(pd).name);
    let region = plan.memory(name, size);
    (
        region,
        RegionConfig {
            vaddr: plan.map(pd, region, true),
            len: size,
        },
    )
}

/// Maps a region read-only.
pub(crate) fn read_region(plan: &mut Plan<'_>, pd: usize, region: usize) -> RegionConfig {
    RegionConfig {
        vaddr: plan.map(pd, region, false),
        len: plan.regions[region].record.size,
    }
}

/// Stores the blob of a PD's role.
pub(crate) fn configure<T: IntoBytes + Immutable>(plan: &mut Plan<'_>, pd: usize, config: &T) {
    blob(plan, pd, "umbra_config", config);
}

/// Stores a PD's blob.
pub(crate) fn blob<T: IntoBytes + Immutable>(
    plan: &mut Plan<'_>,
    pd: usize,
    symbol: &'static str,
    config: &T,
) {
    plan.pds[pd].blobs.push((symbol, config.as_bytes().to_vec()));
}

/// A name that was measured when it was read.
pub(crate) fn name(text: &str) -> Name {
    name_bytes(text).unwrap_or([0; system_spec::config::NAME_MAX])
}
