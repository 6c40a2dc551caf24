//! The IOMMU PD: the SMMU's registers, memory that it shares with it, root, and calls from control.

use system_spec::config::{IommuConfig, IommuSlot, MAX_SLOTS, RegionConfig};
use system_spec::spec::Role;

use super::control::ControlPlan;
use super::{Derived, NO_CHANNEL, configure};
use crate::error::Fault;
use crate::plan::Plan;

/// Its blob, and control's channel to it.
pub(crate) fn iommu(plan: &mut Plan<'_>, derived: &Derived, control: &mut ControlPlan) -> Result<(), Fault> {
    let description = plan.description;
    let (Some(pd), Some(described)) = (derived.iommu, &description.iommu) else {
        return Ok(());
    };
    let mut config = IommuConfig {
        root_channel: plan.caller(pd, Role::Iommu)?.into(),
        control_channel: NO_CHANNEL,
        event_channel: plan.pd(pd).irqs.first().map_or(NO_CHANNEL, |irq| irq.id),
        ..IommuConfig::default()
    };
    if let Some(caller) = derived.control {
        let (at_control, at_iommu) = plan.channel(caller, pd, true)?;
        control.config.iommu_channel = at_control.into();
        config.control_channel = at_iommu.into();
    }
    let registers = plan.device(
        "registers of the SMMU".to_owned(),
        (described.registers, smmu::registers::LEN),
        &described.at,
    )?;
    config.registers = plan.map(pd, registers, true);
    let slots = description.slots.iter().take(MAX_SLOTS).enumerate();
    for (number, slot) in slots {
        let Some(pci) = slot.pci.as_ref().filter(|_| description.guards(slot)) else {
            continue;
        };
        control.config.slots[number].guarded = 1;
        config.slots[config.slot_count as usize] = IommuSlot {
            slot: number as u32,
            stream: pci.address.bits().into(),
            messages: pci.msi.is_some().into(),
            reserved: 0,
        };
        config.slot_count += 1;
    }
    let size = smmu::memory::len(config.slot_count as usize) as u64;
    plan.next_phys = plan.next_phys.next_multiple_of(smmu::memory::ALIGN);
    let memory = plan.placed_memory("tables and queues of the SMMU".to_owned(), size);
    config.memory = RegionConfig {
        vaddr: plan.map(pd, memory, true),
        len: size,
    };
    config.memory_paddr = plan.regions[memory].record.phys_addr;
    config.doorbell_paddr = description
        .pci
        .as_ref()
        .and_then(|host| host.messages)
        .unwrap_or(0);
    configure(plan, pd, &config);
    Ok(())
}
