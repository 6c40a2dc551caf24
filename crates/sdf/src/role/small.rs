//! The roles with little to derive: timer, bus, stager, command.

use driver_package::resources::WINDOW_MAX;
use pci::port::GRANULE;
use system_spec::config::{
    BusBar, BusConfig, BusFunction, BusHost, CommandConfig, DeviceIdentity, MAX_KEYS, MAX_SLOTS,
    PCI_CLASS_STATED, RegionConfig, StagerConfig, StagerSlot, TimerConfig, TrustConfig,
};
use system_spec::spec::Role;
use zerocopy::FromZeros;

use super::control::ControlPlan;
use super::shadow::SlotPlan;
use super::{Derived, NO_CHANNEL, configure};
use crate::PublicKey;
use crate::element::device_slot::DeviceSlot;
use crate::element::pci::{ECAM_LEN, Pci, PciHost, SPARE};
use crate::error::Fault;
use crate::plan::Plan;

/// The timer's clients so far.
pub(crate) struct TimerPlan {
    pd: Option<usize>,
    clients: u64,
}

impl TimerPlan {
    /// Without clients.
    pub fn new(pd: Option<usize>) -> Self {
        Self { pd, clients: 0 }
    }
    /// Makes `pd` a client; its channel, or [`NO_CHANNEL`] if there is no timer.
    pub fn client(&mut self, plan: &mut Plan<'_>, pd: usize) -> Result<u64, Fault> {
        let Some(timer) = self.pd else {
            return Ok(NO_CHANNEL);
        };
        let (own, at_timer) = plan.channel(pd, timer, true)?;
        self.clients |= 1 << at_timer;
        Ok(own.into())
    }
    /// Writes the timer's blob.
    pub fn finish(self, plan: &mut Plan<'_>) {
        let Some(pd) = self.pd else { return };
        let irq_channel = plan.pd(pd).irqs.first().map_or(NO_CHANNEL, |irq| irq.id);
        configure(
            plan,
            pd,
            &TimerConfig {
                irq_channel,
                clients: self.clients,
            },
        );
    }
}

/// Bus: the registers of every slot, root, and calls from control.
pub(crate) fn bus(
    plan: &mut Plan<'_>,
    derived: &Derived,
    slots: &[SlotPlan],
    control: &mut ControlPlan,
) -> Result<(), Fault> {
    let Some(bus) = derived.bus else { return Ok(()) };
    let mut config = BusConfig::new_zeroed();
    config.root_channel = plan.caller(bus, Role::Bus)?.into();
    config.control_channel = match derived.control {
        Some(pd) => {
            let (at_control, at_bus) = plan.channel(pd, bus, true)?;
            control.config.bus_channel = at_control.into();
            at_bus.into()
        }
        None => NO_CHANNEL,
    };
    config.port_channel = plan.pd(bus).irqs.first().map_or(NO_CHANNEL, |irq| irq.id);
    config.slot_count = slots.len() as u64;
    let description = plan.description;
    if let Some(host) = &description.pci {
        config.host = pci_host(plan, bus, host)?;
    }
    for (number, (slot, described)) in slots.iter().zip(&description.slots).enumerate() {
        let entry = &mut config.slots[number];
        entry.slot = number as u32;
        if let Some(pci) = &described.pci {
            entry.function = function(pci);
            entry.function.guarded = description.guards(described).into();
            entry.function.copy = slot.config.map_or(0, |region| plan.map(bus, region, true));
            if let Some(port) = pci.port {
                entry.function.port = port.bits().into();
                entry.function.forwarded = pci.forwarded;
                entry.function.spare_paddr = pci.forwarded + GRANULE - SPARE;
                let range = (entry.function.spare_paddr, SPARE);
                let region = plan.device("spare PCI regions behind a port".to_owned(), range, &pci.at)?;
                entry.function.spare = RegionConfig {
                    vaddr: plan.map(bus, region, true),
                    len: SPARE,
                };
            }
        }
        for (index, (&region, mmio)) in slot.mmio.iter().zip(&described.mmio).enumerate() {
            let vaddr = plan.map(bus, region, true) + mmio.phys_addr % 0x1000;
            if index == 0 {
                entry.registers = vaddr;
                entry.transport = mmio.transport.number();
            }
            if let Some(pci) = &described.pci {
                let bar = &pci.bars[index];
                let len = bar.size - bar.drivers;
                let mut rest = RegionConfig::default();
                if len > 0 {
                    let range = (mmio.phys_addr + bar.drivers, len);
                    let region =
                        plan.device("a region's part that no driver gets".to_owned(), range, &mmio.at)?;
                    let vaddr = plan.map(bus, region, true);
                    rest = RegionConfig { vaddr, len };
                }
                entry.function.bars[index] = BusBar {
                    index: bar.index.into(),
                    paddr: mmio.phys_addr,
                    here: RegionConfig {
                        vaddr,
                        len: mmio.size,
                    },
                    rest,
                };
            }
        }
    }
    configure(plan, bus, &config);
    Ok(())
}

/// The host bridge's configuration space, the regions that no driver gets, and where interrupts are written to.
fn pci_host(plan: &mut Plan<'_>, bus: usize, host: &PciHost) -> Result<BusHost, Fault> {
    let mut device = |what: &str, start, len| {
        let region = plan.device(what.to_owned(), (start, len), &host.at)?;
        let vaddr = plan.map(bus, region, true);
        Ok(RegionConfig { vaddr, len })
    };
    Ok(BusHost {
        ecam: device("PCI configuration space", host.ecam, ECAM_LEN)?,
        spare: device("spare PCI regions", host.spare, SPARE)?,
        spare_paddr: host.spare,
        messages: match host.messages {
            Some(start) => device("GICv2m frame", start, 0x1000)?.vaddr,
            None => 0,
        },
        messages_paddr: host.messages.unwrap_or(0),
    })
}

/// Vendor and device id, as blobs carry them.
fn pci_id(pci: &Pci) -> u32 {
    u32::from(pci.device) << 16 | u32::from(pci.vendor)
}

/// Class code, as blobs carry it.
fn stated_class(pci: &Pci) -> u32 {
    pci.class.map_or(0, |code| PCI_CLASS_STATED | code)
}

fn function(pci: &Pci) -> BusFunction {
    BusFunction {
        address: pci.address.bits().into(),
        identity: pci_id(pci),
        class: stated_class(pci),
        message: pci.msi.unwrap_or(0) as u32,
        bar_count: pci.bars.len() as u32,
        ..BusFunction::default()
    }
}

/// Stager: jobs from control, root, the store, and the window in which root shows it new generations.
pub(crate) fn stager(plan: &mut Plan<'_>, derived: &Derived, control: &mut ControlPlan) -> Result<(), Fault> {
    let Some(stager) = derived.stager else {
        return Ok(());
    };
    let mut config = StagerConfig::new_zeroed();
    config.root_channel = plan.caller(stager, Role::Stager)?.into();
    config.control.channel = NO_CHANNEL;
    if let Some(pd) = derived.control {
        let [at_control, at_stager] = super::link(plan, pd, stager, false)?;
        control.config.stager = at_control;
        config.control = at_stager;
    }
    if let Some(store) = control.store {
        config.store = super::read_region(plan, stager, store);
        config.package_size = control.config.package_size;
    }
    config.window = plan.pds[stager].next_vaddr.next_multiple_of(WINDOW_MAX);
    plan.pds[stager].next_vaddr = config.window + 2 * WINDOW_MAX;
    plan.sources.stager = Some((stager as u32, config.window));
    config.trust = trust(plan.keys);
    let slots = &plan.description.slots[..plan.description.slots.len().min(MAX_SLOTS)];
    config.slot_count = slots.len() as u64;
    for (number, slot) in slots.iter().enumerate() {
        config.slots[number] = stager_slot(number, slot);
    }
    configure(plan, stager, &config);
    Ok(())
}

/// What a package for slot `number` must match.
pub(crate) fn stager_slot(number: usize, slot: &DeviceSlot) -> StagerSlot {
    StagerSlot {
        slot: number as u32,
        class: slot.class,
        security_floor: slot.security_floor,
        device: identity(slot),
    }
}

/// What is known of a slot's device. A slot has at least one register region.
pub(crate) fn identity(slot: &DeviceSlot) -> DeviceIdentity {
    let mut identity = DeviceIdentity::new_zeroed();
    if let Some(mmio) = slot.mmio.first() {
        identity.transport = mmio.transport.number();
        identity.virtio_id = mmio.device_id;
        // `Mmio::parse` has seen to the length.
        for (byte, given) in identity.compatible.iter_mut().zip(mmio.compatible.bytes()) {
            *byte = given;
        }
    }
    if let Some(pci) = &slot.pci {
        identity.pci_id = pci_id(pci);
        identity.pci_class = stated_class(pci);
    }
    identity
}

/// The keys, as blobs carry them.
pub(crate) fn trust(keys: &[PublicKey]) -> TrustConfig {
    let mut trust = TrustConfig::new_zeroed();
    trust.count = keys.len().min(MAX_KEYS) as u64;
    for (entry, key) in trust.keys.iter_mut().zip(keys) {
        *entry = *key;
    }
    trust
}

/// Command: bytes to and from control, and its device.
pub(crate) fn command(
    plan: &mut Plan<'_>,
    derived: &Derived,
    control: &mut ControlPlan,
) -> Result<(), Fault> {
    let Some(command) = derived.command else {
        return Ok(());
    };
    let mut config = CommandConfig::default();
    config.control.channel = NO_CHANNEL;
    if let Some(pd) = derived.control {
        let [at_control, at_command] = super::link(plan, pd, command, false)?;
        control.config.command = at_control;
        config.control = at_command;
    }
    let described = plan.pd(command);
    config.irq_channel = described.irqs.first().map_or(NO_CHANNEL, |irq| irq.id);
    let (mmio, dma) = (described.mmio[0].clone(), described.dma.clone());
    let registers = plan.device(
        "registers of the command channel".to_owned(),
        mmio.pages(),
        &mmio.at,
    )?;
    config.registers = plan.map(command, registers, true) + mmio.phys_addr % 0x1000;
    if let Some(dma) = dma {
        let region = plan.placed_memory("DMA memory of the command channel".to_owned(), dma.size);
        config.dma.vaddr = plan.map(command, region, true);
        config.dma.len = dma.size;
        config.dma_paddr = plan.regions[region].record.phys_addr;
    }
    configure(plan, command, &config);
    Ok(())
}
