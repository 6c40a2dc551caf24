//! The PCI host bridge: configuration space, and the functions that slots have.

mod slots;

use pci::bar::Window;
use pci::port::Port;
use pci::{Address, Config, Mmio, Patience, header};
use system_spec::config::{BusFunction, BusHost, BusSlot, MAX_SLOTS, RegionConfig};

use crate::behind::{Behind, Device, Kind};
use crate::doorbell::Doorbell;
use crate::function::{self, Function, FunctionError};
use crate::space::{Mapped, Space};

/// Bytes of a function's configuration space that are used.
const CONFIG_LEN: usize = 256;

/// Where the host bridge shows itself as a function.
const HOST_BRIDGE: u32 = 0;

/// Everything on PCI.
#[derive(Debug)]
pub struct Host<S: Space> {
    space: S,
    ecam: S::Mapped,
    spare: S::Mapped,
    spare_paddr: u64,
    /// What is left of `spare`.
    window: Window,
    doorbell: Option<Doorbell>,
    /// What was found for each slot.
    functions: [Option<Function>; MAX_SLOTS],
    /// The root port of each slot that is behind one.
    ports: [Option<Port>; MAX_SLOTS],
}

impl<S: Space> Host<S> {
    /// The bridge, if there is one in `space`. Functions that no slot has are silenced; those of `slots` get their places.
    pub fn start(space: S, host: &BusHost, slots: &[BusSlot], patience: &impl Patience) -> Option<Self> {
        let doorbell = space
            .at(&page(host.messages))
            .map(|frame| Doorbell::new(host.messages_paddr, Mmio::read(&frame, Doorbell::TYPE)));
        let mut this = Self {
            ecam: space.at(&host.ecam)?,
            spare: space.at(&host.spare)?,
            space,
            spare_paddr: host.spare_paddr,
            window: Window::new(host.spare_paddr, host.spare.len),
            doorbell,
            functions: [None; MAX_SLOTS],
            ports: [None; MAX_SLOTS],
        };
        this.silence(slots, 0);
        this.open_ports(slots, patience);
        for (number, slot) in slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.function.bar_count > 0)
        {
            // What fails here is tried again when its reset is asked for.
            let _ = this.settle(number, &slot.function);
        }
        Some(this)
    }

    /// Nobody drives what no slot has: it neither answers nor reaches memory nor interrupts.
    fn silence(&self, slots: &[BusSlot], bus: u8) {
        let ecam = &self.ecam;
        // What lies beyond the part of ECAM that we were given is nobody's.
        let config = move |at: Address| ecam.part(at.ecam_offset(), CONFIG_LEN);
        for at in pci::address::functions(bus, config) {
            // A port without a function behind it has nothing to forward, whatever else says that it is a bridge nothing to lead to.
            let bits = u32::from(at.bits());
            let owned = slots.iter().any(|slot| {
                slot.function.bar_count > 0 && [slot.function.address, slot.function.port].contains(&bits)
            });
            if let Some(mut config) = config(at).filter(|_| !owned && bits != HOST_BRIDGE) {
                function::silence(&mut config);
            }
        }
    }

    fn at(&self, address: u32) -> Option<S::Mapped> {
        self.ecam
            .part(Address::from_bits(address as u16).ecam_offset(), CONFIG_LEN)
    }

    fn config(&self, function: &BusFunction) -> Option<S::Mapped> {
        self.at(function.address)
    }

    fn table(&self, described: &BusFunction, function: &Function) -> Option<S::Mapped> {
        let (paddr, len) = function.table()?;
        let (spare, start) = match (function.beside_drivers(), described.port) {
            (Some((rest, start)), _) => (self.space.at(&rest)?, start),
            (None, 0) => (self.spare.clone(), self.spare_paddr),
            (None, _) => (self.space.at(&described.spare)?, described.spare_paddr),
        };
        spare.part(paddr.checked_sub(start)? as usize, len)
    }

    /// Gives a slot's function its places and lets it answer.
    fn settle(&mut self, number: usize, described: &BusFunction) -> Result<(), FunctionError> {
        let mut config = self.config(described).ok_or(FunctionError::Wrong)?;
        let mut window = match described.port {
            0 => self.window,
            _ => Window::new(described.spare_paddr, described.spare.len),
        };
        let function = Function::settle(&mut config, described, &mut window)?;
        let mut table = self.table(described, &function);
        function.switch_on(&mut config, table.as_mut(), self.doorbell)?;
        self.copy(&config, described);
        if described.port == 0 {
            self.window = window;
        }
        if let Some(entry) = self.functions.get_mut(number) {
            *entry = Some(function);
        }
        Ok(())
    }

    /// Resets the function of slot `number` of `slots`.
    pub fn reset(
        &mut self,
        slots: &[BusSlot],
        number: u32,
        patience: &impl Patience,
    ) -> Result<(), FunctionError> {
        let index = slots
            .iter()
            .position(|slot| slot.slot == number)
            .ok_or(FunctionError::Wrong)?;
        let described = slots[index].function;
        self.make_sure(index, &described, patience)?;
        if self.functions.get(index).copied().flatten().is_none() {
            self.silence_beside(slots, &described);
            self.settle(index, &described)?;
        }
        let function = self.functions.get(index).copied().flatten();
        let function = function.ok_or(FunctionError::Wrong)?;
        let mut config = self.config(&described).ok_or(FunctionError::Wrong)?;
        let mut device = Behind::of(&self.space, &described, &function).ok_or(FunctionError::Structures)?;
        let mut table = self.table(&described, &function);
        function.reset(&mut config, &mut device, table.as_mut(), self.doorbell, patience)?;
        self.copy(&config, &described);
        Ok(())
    }

    /// What the function of slot `number` of `slots` is, and its status: a virtio device's id and device status, another's
    /// class code and status.
    pub fn identify(&self, slots: &[BusSlot], number: u32) -> Option<(u32, u32)> {
        /// virtio 1.2, 4.1.2: device ids of PCI start here.
        const FIRST: u16 = 0x1040;
        let index = slots.iter().position(|slot| slot.slot == number)?;
        let described = &slots[index].function;
        let function = self.functions.get(index).copied().flatten()?;
        let config = self.config(described)?;
        let status = Behind::of(&self.space, described, &function)?.status();
        let what = match function.kind {
            Kind::Virtio => header::identity(&config)?.1.checked_sub(FIRST)?.into(),
            Kind::Nvme | Kind::E1000 => header::class(&config),
        };
        Some((what, status))
    }

    /// Shows the drivers what configuration space says.
    fn copy(&self, config: &impl Config, described: &BusFunction) {
        let Some(mut page) = self.space.at(&page(described.copy)) else {
            return;
        };
        for offset in (0..CONFIG_LEN).step_by(4) {
            Mmio::write(&mut page, offset, config.read(offset as u8));
        }
    }
}

/// The page at an address.
fn page(vaddr: u64) -> RegionConfig {
    RegionConfig { vaddr, len: 0x1000 }
}

#[cfg(test)]
mod tests;
