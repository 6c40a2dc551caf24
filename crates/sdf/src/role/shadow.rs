//! Shadows, their device slots and their sessions.

use system_spec::config::{
    LinkConfig, MAX_SESSIONS, SESSION_PROMISCUOUS, ShadowConfig, ShadowSession, ShadowSlot,
};
use system_spec::spec::record::{
    NONE, SLOT_DATA, SLOT_IRQS, SLOT_MMIO, SideRecord, SlotIrqRecord, SlotMmioRecord, SlotRecord,
};
use zerocopy::FromZeros;

use super::control::ControlPlan;
use super::small::TimerPlan;
use super::{Derived, NO_CHANNEL, client, configure, name, own_region};
use crate::check::pd_index;
use crate::element::system::Description;
use crate::error::{Fault, Rule};
use crate::plan::Plan;

/// Ticks of the counter in a microsecond, times two (62.5 MHz).
const HALF_TICKS_PER_US: u64 = 125;

/// A device slot as far as it is decided.
pub(crate) struct SlotPlan {
    /// Its register pages.
    pub mmio: Vec<usize>,
    /// Page in which the bus keeps a copy of the function's configuration space for the drivers.
    pub config: Option<usize>,
    shadow: usize,
    record: SlotRecord,
}

/// The slots' registers and numbers.
pub(crate) fn slots(plan: &mut Plan<'_>) -> Result<Vec<SlotPlan>, Fault> {
    let description = plan.description;
    let mut slots = Vec::new();
    for slot in &description.slots {
        let shadow = pd_index(&description.pds, &slot.at, &slot.shadow)?;
        let mut record = SlotRecord {
            name: name(&slot.name),
            class: slot.class,
            priority: slot.priority.into(),
            shadow: shadow as u32,
            mmio_count: slot.mmio.len() as u32,
            irq_count: slot.irqs.len() as u32,
            data_count: 0,
            config: NONE,
            guarded: description.guards(slot).into(),
            reserved: 0,
            budget_us: slot.budget_us,
            period_us: slot.period_us,
            heap_size: slot.heap_size,
            sides: [SideRecord::default(); 2],
            mmio: [SlotMmioRecord::default(); SLOT_MMIO],
            irqs: [SlotIrqRecord::default(); SLOT_IRQS],
            data: [0; SLOT_DATA],
        };
        let mut pages = Vec::new();
        for (entry, mmio) in record.mmio.iter_mut().zip(&slot.mmio) {
            let region = plan.device(format!("registers of {}", slot.name), mmio.pages(), &mmio.at)?;
            let (phys_addr, len) = (mmio.phys_addr, mmio.size);
            *entry = SlotMmioRecord {
                phys_addr,
                len,
                region: region as u32,
                reserved: 0,
            };
            pages.push(region);
        }
        for (entry, irq) in record.irqs.iter_mut().zip(&slot.irqs) {
            *entry = SlotIrqRecord {
                irq: irq.irq as u32,
                trigger: irq.edge.into(),
            };
        }
        let config = slot
            .pci
            .is_some()
            .then(|| plan.memory(format!("configuration of {}", slot.name), 0x1000));
        record.config = config.map_or(NONE, |region| region as u32);
        slots.push(SlotPlan {
            mmio: pages,
            config,
            shadow,
            record,
        });
    }
    Ok(slots)
}

/// Every shadow with its slots and sessions; the slots are complete then.
pub(crate) fn shadows(
    plan: &mut Plan<'_>,
    derived: &Derived,
    mut slots: Vec<SlotPlan>,
    timer: &mut TimerPlan,
    control: &mut ControlPlan,
) -> Result<(), Fault> {
    for &shadow in &derived.shadows {
        let mut config = Box::new(ShadowConfig::new_zeroed());
        config.control = match control.shadow(plan, shadow)? {
            Some(link) => link,
            None => LinkConfig {
                channel: NO_CHANNEL,
                ..LinkConfig::default()
            },
        };
        config.timer_channel = timer.client(plan, shadow)?;
        let (state_size, trace_size) = (plan.pd(shadow).state_size, plan.pd(shadow).trace_size);
        config.patience = plan.pd(shadow).patience_us.saturating_mul(HALF_TICKS_PER_US) / 2;
        config.state = own_region(plan, shadow, "state", state_size).1;
        let (trace, trace_config) = own_region(plan, shadow, "trace", trace_size);
        config.trace = trace_config;
        let shadow_name = plan.pd(shadow).name.clone();
        control.trace(plan, &shadow_name, trace)?;
        for (number, slot) in slots
            .iter_mut()
            .enumerate()
            .filter(|(_, slot)| slot.shadow == shadow)
        {
            let index = config.slot_count as usize;
            config.slots[index] = shadow_slot(plan, number, slot)?;
            config.slot_count += 1;
            sessions(plan, number, slot, &mut config, timer, control)?;
        }
        configure(plan, shadow, &*config);
    }
    plan.sources.slots = slots.into_iter().map(|slot| slot.record).collect();
    Ok(())
}

/// Both sides' links (the driver's ends are root's to map) and the shadow's own data region.
fn shadow_slot(plan: &mut Plan<'_>, number: usize, slot: &mut SlotPlan) -> Result<ShadowSlot, Fault> {
    let slot_name = plan.description.slots[number].name.clone();
    let mut sides = [LinkConfig::default(); 2];
    for ((side, record), letter) in sides.iter_mut().zip(&mut slot.record.sides).zip(["A", "B"]) {
        let shadow_page = plan.memory(format!("link to {slot_name}, side {letter}"), 0x1000);
        let driver_page = plan.memory(format!("link from {slot_name}, side {letter}"), 0x1000);
        let channel = plan.take_id(slot.shadow)?;
        plan.pds[slot.shadow].notifications |= 1 << channel;
        *record = SideRecord {
            shadow_page: shadow_page as u32,
            driver_page: driver_page as u32,
            channel,
            reserved: 0,
        };
        side.own = plan.map(slot.shadow, shadow_page, true);
        side.peer = plan.map(slot.shadow, driver_page, false);
        side.channel = channel.into();
    }
    let size = plan.description.slots[number].scratch_size;
    let (region, scratch) = own_region(plan, slot.shadow, &format!("scratch for {slot_name}"), size);
    let scratch_region = data_region(plan, number, slot, region)?;
    Ok(ShadowSlot {
        sides,
        scratch,
        scratch_region,
        slot: number as u32,
    })
}

fn sessions(
    plan: &mut Plan<'_>,
    number: usize,
    slot: &mut SlotPlan,
    config: &mut ShadowConfig,
    timer: &mut TimerPlan,
    control: &mut ControlPlan,
) -> Result<(), Fault> {
    let description: &Description = plan.description;
    let slot_name = &description.slots[number].name;
    for session in description
        .sessions
        .iter()
        .filter(|session| session.slot == *slot_name)
    {
        let index = config.session_count as usize;
        if index == MAX_SESSIONS {
            let rule = Rule::TooMany {
                kind: "sessions of a shadow",
                max: MAX_SESSIONS,
            };
            return Err(Fault {
                at: session.at.clone(),
                rule,
            });
        }
        let there = client::client(plan, slot.shadow, slot.record.class, session, timer, control)?;
        config.sessions[index] = ShadowSession {
            link: there.link,
            data_len: session.data_size,
            data_region: data_region(plan, number, slot, there.region)?,
            slot_index: config.slot_count - 1,
            deliveries: there.deliveries,
            data: there.data,
            address: session.mac,
            flags: if session.promiscuous {
                SESSION_PROMISCUOUS
            } else {
                0
            },
            partition: name(&session.partition),
            partition_number: session.partition_number,
        };
        config.session_count += 1;
    }
    Ok(())
}

/// Gives the slot's drivers a data region; its index at the driver.
fn data_region(plan: &Plan<'_>, number: usize, slot: &mut SlotPlan, region: usize) -> Result<u32, Fault> {
    let index = slot.record.data_count;
    let Some(entry) = slot.record.data.get_mut(index as usize) else {
        let rule = Rule::TooMany {
            kind: "data regions of a slot",
            max: SLOT_DATA,
        };
        return Err(Fault {
            at: plan.description.slots[number].at.clone(),
            rule,
        });
    };
    *entry = region as u32;
    slot.record.data_count += 1;
    Ok(index)
}
