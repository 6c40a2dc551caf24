//! The PCI host bridge: configuration space, and the functions that slots have.

use bus::e1000::Ethernet;
use bus::function::{self, Device, Doorbell, Function, FunctionError, Kind};
use bus::nvme::Controller;
use bus::virtio_pci::{Common, Virtio};
use pci::bar::Window;
use pci::port::Port;
use pci::{Address, Patience, header, virtio};
use system_spec::config::{BusFunction, BusHost, BusSlot, MAX_SLOTS, RegionConfig};

use crate::device::Mapped;

/// Bytes of a function's configuration space that are used.
const CONFIG_LEN: usize = 256;

/// Where the host bridge shows itself as a function.
const HOST_BRIDGE: u32 = 0;

/// Everything on PCI.
pub struct Host {
    ecam: Mapped,
    spare: Mapped,
    spare_paddr: u64,
    /// What is left of `spare`.
    pub(crate) window: Window,
    doorbell: Option<Doorbell>,
    /// What was found for each slot.
    pub(crate) functions: [Option<Function>; MAX_SLOTS],
    /// The root port of each slot that is behind one.
    pub(crate) ports: [Option<Port>; MAX_SLOTS],
}

fn mapped(region: &RegionConfig) -> Option<Mapped> {
    // SAFETY: the description's compiler mapped registers there (or the page of a copy, which we alone write), for ever, and
    // wrote their address; 0 gives nothing.
    unsafe { Mapped::new(region.vaddr, region.len) }
}

impl Host {
    /// The bridge, if there is one. Functions that no slot has are silenced; those of `slots` get their places.
    pub fn start(host: &BusHost, slots: &[BusSlot], patience: &impl Patience) -> Option<Self> {
        let page = RegionConfig {
            vaddr: host.messages,
            len: 0x1000,
        };
        let doorbell = mapped(&page).map(|frame| {
            Doorbell::new(
                host.messages_paddr,
                pci::msix::Memory::read(&frame, Doorbell::TYPE),
            )
        });
        let mut this = Self {
            ecam: mapped(&host.ecam)?,
            spare: mapped(&host.spare)?,
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
    pub(crate) fn silence(&mut self, slots: &[BusSlot], bus: u8) {
        let ecam = self.ecam;
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

    pub(crate) fn at(&self, address: u32) -> Option<Mapped> {
        self.ecam
            .part(Address::from_bits(address as u16).ecam_offset(), CONFIG_LEN)
    }

    pub(crate) fn config(&self, function: &BusFunction) -> Option<Mapped> {
        self.at(function.address)
    }

    fn table(&self, described: &BusFunction, function: &Function) -> Option<Mapped> {
        let (paddr, len) = function.table()?;
        let (spare, start) = match (function.beside_drivers(), described.port) {
            (Some((rest, start)), _) => (mapped(&rest)?, start),
            (None, 0) => (self.spare, self.spare_paddr),
            (None, _) => (mapped(&described.spare)?, described.spare_paddr),
        };
        spare.part(paddr.checked_sub(start)? as usize, len)
    }

    /// Gives a slot's function its places and lets it answer.
    pub(crate) fn settle(&mut self, number: usize, described: &BusFunction) -> Result<(), FunctionError> {
        let mut config = self.config(described).ok_or(FunctionError::Wrong)?;
        let mut window = match described.port {
            0 => self.window,
            _ => Window::new(described.spare_paddr, described.spare.len),
        };
        let function = Function::settle(&mut config, described, &mut window)?;
        let mut table = self.table(described, &function);
        function.switch_on(&mut config, table.as_mut(), self.doorbell)?;
        copy(&config, described);
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
        let mut device = Behind::of(&described, &function).ok_or(FunctionError::Structures)?;
        let mut table = self.table(&described, &function);
        function.reset(&mut config, &mut device, table.as_mut(), self.doorbell, patience)?;
        copy(&config, &described);
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
        match Behind::of(described, &function)? {
            Behind::Virtio(Virtio(common)) => {
                let (_, device) = header::identity(&config)?;
                Some((device.checked_sub(FIRST)?.into(), common.status().into()))
            }
            Behind::Nvme(controller) => Some((header::class(&config), controller.status())),
            Behind::E1000(device) => Some((header::class(&config), device.status())),
        }
    }
}

/// What is behind a function.
enum Behind {
    Virtio(Virtio<Mapped>),
    Nvme(Controller<Mapped>),
    E1000(Ethernet<Mapped>),
}

impl Behind {
    /// Its registers, in the region that drivers get.
    fn of(described: &BusFunction, function: &Function) -> Option<Self> {
        let bar = described
            .bars
            .iter()
            .take(described.bar_count as usize)
            .find(|bar| bar.index == u64::from(function.registers.bar))?;
        let (region, offset) = (mapped(&bar.here)?, function.registers.offset as usize);
        let registers = || region.part(offset, function.registers.len as usize);
        Some(match function.kind {
            Kind::Virtio => Self::Virtio(Virtio(region.part(offset, virtio::common::LEN as usize)?)),
            Kind::Nvme => Self::Nvme(Controller(registers()?)),
            Kind::E1000 => Self::E1000(Ethernet(registers()?)),
        })
    }
}

impl Device for Behind {
    fn reset(&mut self) {
        match self {
            Self::Virtio(device) => device.reset(),
            Self::Nvme(device) => device.reset(),
            Self::E1000(device) => device.reset(),
        }
    }
    fn is_reset(&self) -> bool {
        match self {
            Self::Virtio(device) => device.is_reset(),
            Self::Nvme(device) => device.is_reset(),
            Self::E1000(device) => device.is_reset(),
        }
    }
    fn is_limited(&mut self) -> bool {
        match self {
            Self::Virtio(device) => device.is_limited(),
            Self::Nvme(device) => device.is_limited(),
            Self::E1000(device) => device.is_limited(),
        }
    }
}

/// Shows the drivers what configuration space says.
fn copy(config: &Mapped, described: &BusFunction) {
    let page = RegionConfig {
        vaddr: described.copy,
        len: 0x1000,
    };
    let Some(mut page) = mapped(&page) else { return };
    for offset in (0..CONFIG_LEN).step_by(4) {
        pci::msix::Memory::write(&mut page, offset, pci::Config::read(config, offset as u8));
    }
}
