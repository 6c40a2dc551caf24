//! What ties static PDs together: mappings of regions, channels, interrupts, calls to root.

use root::sender::Sender;
use sel4::init_thread::slot as init;
use sel4::{CapRights, cap};
use sel4_abi::microkit::{PPC_BADGE, slot};
use system_spec::spec::{Spec, Trigger};

use super::Failure;
use super::memory::{Memory, path};
use super::regions::Regions;
use super::system::Static;

/// Rights of an endpoint that somebody calls: to send, and to be answered.
fn call_only() -> CapRights {
    CapRights::new(true, false, false, true)
}

/// Maps regions. Each mapping is a copy of the frame's master.
pub fn maps(spec: &Spec<'_>, regions: &Regions, system: &Static, memory: &mut Memory) -> Result<(), Failure> {
    for map in spec.maps() {
        let frames = regions.get(map.region)?;
        let vspace = cap::VSpace::from_bits(system.get(map.pd)?.vspace);
        for page in 0..map.page_count {
            let frame = memory.copy(frames.slot + map.first_page + page)?;
            let vaddr = map.vaddr + (page << frames.region.page_bits);
            memory.map(frame, vspace, vaddr as usize, map.rights, map.cached)?;
        }
    }
    Ok(())
}

/// Fills the CSpaces.
pub fn wire(spec: &Spec<'_>, system: &Static, memory: &mut Memory) -> Result<(), Failure> {
    let mut called = [false; system_spec::spec::MAX_PDS];
    for pd in spec.pds() {
        if let Some((parent, _)) = pd.parent {
            *called.get_mut(parent).ok_or(Failure::Reference)? = true;
        }
    }
    for [a, b] in spec.channels() {
        for (from, to) in [(a, b), (b, a)] {
            let (caps, other) = (system.get(from.pd)?, system.get(to.pd)?);
            if from.notify {
                let slot = caps.slot(slot::BASE_OUTPUT_NOTIFICATION + u64::from(from.id));
                slot.mint(&path(other.notification), CapRights::write_only(), 1 << to.id)?;
            }
            if from.call {
                let slot = caps.slot(slot::BASE_ENDPOINT + u64::from(from.id));
                slot.mint(&path(other.endpoint), call_only(), PPC_BADGE | u64::from(to.id))?;
                *called.get_mut(to.pd).ok_or(Failure::Reference)? = true;
            }
        }
    }
    for (index, caller) in spec.callers().enumerate() {
        let slot = system
            .get(caller.pd)?
            .slot(slot::BASE_ENDPOINT + u64::from(caller.channel));
        slot.mint(&path(system.endpoint), call_only(), Sender::Caller(index).badge())?;
    }
    for (caps, called) in system.pds.iter().zip(called) {
        let input = if called { caps.endpoint } else { caps.notification };
        caps.slot(slot::INPUT).copy(&path(input), CapRights::all())?;
    }
    irqs(spec, system, memory)
}

/// Handlers go into the PDs' CSpaces, and nowhere else: the PD's end is their final deletion.
fn irqs(spec: &Spec<'_>, system: &Static, memory: &mut Memory) -> Result<(), Failure> {
    for irq in spec.irqs() {
        let caps = system.get(irq.pd)?;
        let handler = memory.slots(1)?;
        let edge = irq.trigger == Trigger::Edge;
        init::IRQ_CONTROL
            .cap()
            .irq_control_get_trigger(irq.irq.into(), edge, &path(handler))?;
        let signal = memory.mint(caps.notification, CapRights::write_only(), 1 << irq.channel)?;
        let signal = cap::Notification::from_bits(signal);
        cap::IrqHandler::from_bits(handler).irq_handler_set_notification(signal)?;
        caps.slot(slot::BASE_IRQ + u64::from(irq.channel))
            .move_(&path(handler))?;
    }
    Ok(())
}
