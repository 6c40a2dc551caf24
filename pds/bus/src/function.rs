//! Devices that are PCI functions: set up once, reset between generations. How a device is reset depends on what it is ([`Kind`]).
//!
//! A description says which function a slot has and where the regions that its drivers get are. All else is decided here, the
//! same each time: a bus that is started anew finds everything as it would put it, and disturbs no driver.

use pci::bar::{self, Bar, BarError, Window};
use pci::msix::Msix;
use pci::{ConfigMut, Mmio, Patience, Place, express, header, msi, msix};
use system_spec::config::{BusBar, BusFunction, PCI_CLASS_STATED, RegionConfig};

use crate::behind::{Device, Kind};
use crate::doorbell::Doorbell;

/// Why a function cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionError {
    /// There is none at this address, or another one than was described.
    Wrong,
    /// A register of a region misbehaves.
    Bar(BarError),
    /// Its regions are not those that were described, or there is no room for them.
    Regions,
    /// It cannot send a message, its line is not the one described, or nobody would receive the message.
    Interrupt,
    /// Its drivers would get the table that says where its messages go.
    Exposed,
    /// The registers that reset it are not where its drivers' regions are.
    Structures,
    /// It does not take its command.
    Command,
    /// It does not read back as reset.
    Stuck,
    /// It would go past the IOMMU behind which it was described.
    Unguarded,
    /// There is none, and its slot has no power.
    Gone,
}

/// A function that has its places.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    described: BusFunction,
    regions: [Option<(Bar, u64)>; bar::COUNT as usize],
    msix: Option<Msix>,
    /// What it is.
    pub kind: Kind,
    /// Where the registers are that reset it: the common configuration of a virtio device, the first ones of another.
    pub registers: Place,
}

impl Function {
    /// Finds out what the function at hand wants and gives it its places: regions of its drivers where they were described, the
    /// others in `spare`. It answers at none of them yet. One that cannot be used is silenced.
    pub fn settle(
        config: &mut impl ConfigMut,
        described: &BusFunction,
        spare: &mut Window,
    ) -> Result<Self, FunctionError> {
        let settled = Self::find(config, described, spare);
        if settled.is_err() {
            silence(config);
        }
        settled
    }

    fn find(
        config: &mut impl ConfigMut,
        described: &BusFunction,
        spare: &mut Window,
    ) -> Result<Self, FunctionError> {
        let identity = (described.identity as u16, (described.identity >> 16) as u16);
        if header::identity(config) != Some(identity) {
            return Err(FunctionError::Wrong);
        }
        let stated = described.class & PCI_CLASS_STATED != 0;
        if stated && header::class(config) != described.class & !PCI_CLASS_STATED {
            return Err(FunctionError::Wrong);
        }
        let bars = bar::sizes(config).map_err(FunctionError::Bar)?;
        let mut regions = [None; bar::COUNT as usize];
        let mut known = 0;
        for bar in bars.into_iter().flatten() {
            let address = match drivers_region(described, bar.index) {
                Some(region) if region.here.len + region.rest.len == bar.size => {
                    known += 1;
                    region.paddr
                }
                Some(_) => return Err(FunctionError::Regions),
                None => spare.take(bar.size).ok_or(FunctionError::Regions)?,
            };
            regions[usize::from(bar.index)] = Some((bar, address));
        }
        if known != described.bar_count {
            return Err(FunctionError::Regions);
        }
        let size = |place: &Place| {
            let region = regions.get(usize::from(place.bar)).copied().flatten()?;
            place.lies_in(region.0.size).then_some(())
        };
        let (kind, registers) = Kind::of(config);
        let registers = registers
            .filter(|place| {
                let region = drivers_region(described, place.bar);
                region.is_some_and(|region| place.lies_in(region.here.len))
            })
            .filter(|place| place.offset.is_multiple_of(4))
            .ok_or(FunctionError::Structures)?;
        let msix = if described.message == 0 {
            (header::interrupt_pin(config) == 1).then_some(None)
        } else {
            msix::find(config)
                .filter(|msix| size(&msix.table).is_some())
                .map(Some)
        };
        let msix = msix.ok_or(FunctionError::Interrupt)?;
        let exposed = |table: Place| {
            let region = drivers_region(described, table.bar);
            region.is_some_and(|region| u64::from(table.offset) < region.here.len)
        };
        if msix.is_some_and(|msix| exposed(msix.table)) {
            return Err(FunctionError::Exposed);
        }
        let this = Self {
            described: *described,
            regions,
            msix,
            kind,
            registers,
        };
        this.place(config)?;
        Ok(this)
    }

    /// Bus address and bytes of its table of messages, if it sends any.
    pub fn table(&self) -> Option<(u64, usize)> {
        let table = self.msix?.table;
        let (_, address) = (*self.regions.get(usize::from(table.bar))?)?;
        Some((address + u64::from(table.offset), table.len as usize))
    }

    /// The part of its drivers' region that no driver gets, if the table is there: where it is mapped, and its bus address.
    pub fn beside_drivers(&self) -> Option<(RegionConfig, u64)> {
        let region = drivers_region(&self.described, self.msix?.table.bar)?;
        Some((region.rest, region.paddr + region.here.len))
    }

    fn place(&self, config: &mut impl ConfigMut) -> Result<(), FunctionError> {
        self.regions
            .iter()
            .flatten()
            .try_for_each(|(bar, address)| bar::place(config, bar, *address))
            .map_err(FunctionError::Bar)
    }

    /// What the function is allowed when a driver has it.
    fn command(&self) -> u16 {
        let line = if self.msix.is_some() { header::INTX_OFF } else { 0 };
        header::MEMORY | header::BUS_MASTER | line
    }

    /// Lets the function answer, with its interrupt aimed; whether it works stays as it is. `table` is where [`table`](Self::table) says.
    ///
    /// A function that works is not stopped for that: its messages would be lost, and QEMU takes it as told that no driver serves a virtio
    /// device (`DRIVER_OK` is gone). One that does not work was never reset, or its reset failed, and who knows what it would do. One that
    /// cannot be switched on is silenced.
    pub fn switch_on(
        &self,
        config: &mut impl ConfigMut,
        table: Option<&mut impl Mmio>,
        doorbell: Option<Doorbell>,
    ) -> Result<(), FunctionError> {
        let on = self.let_answer(config, table, doorbell);
        if on.is_err() {
            silence(config);
        }
        on
    }

    fn let_answer(
        &self,
        config: &mut impl ConfigMut,
        table: Option<&mut impl Mmio>,
        doorbell: Option<Doorbell>,
    ) -> Result<(), FunctionError> {
        let working = header::command(config) & header::BUS_MASTER;
        if !header::set_command(config, self.command() & !header::BUS_MASTER | working) {
            return Err(FunctionError::Command);
        }
        if !msi::switch_off(config) || self.msix.is_none() && !msix::switch_off(config) {
            return Err(FunctionError::Interrupt);
        }
        if let Some(msix) = &self.msix {
            let doorbell = doorbell
                .filter(|doorbell| doorbell.has(self.described.message))
                .ok_or(FunctionError::Interrupt)?;
            let aimed =
                table.is_some_and(|table| msix.aim(config, table, doorbell.address, self.described.message));
            if !aimed {
                return Err(FunctionError::Interrupt);
            }
        }
        Ok(())
    }

    /// Puts the device into its reset state: it reaches no memory while that is done, and is believed when it reads back. Only then it
    /// works, and [`switch_on`](Self::switch_on) keeps that.
    pub fn reset(
        &self,
        config: &mut impl ConfigMut,
        device: &mut impl Device,
        table: Option<&mut impl Mmio>,
        doorbell: Option<Doorbell>,
        patience: &impl Patience,
    ) -> Result<(), FunctionError> {
        let identity = header::identity(config);
        if !header::set_command(config, self.command() & !header::BUS_MASTER) {
            return Err(FunctionError::Command);
        }
        device.reset();
        let done = patience.until(|| device.is_reset());
        if !done && express::reset(config, &patience.renewed()).is_err() {
            // A reset of the function that was begun lets it pull its line.
            silence(config);
            return Err(FunctionError::Stuck);
        }
        let described = (
            self.described.identity as u16,
            (self.described.identity >> 16) as u16,
        );
        if identity != Some(described) || header::identity(config) != identity {
            silence(config);
            return Err(FunctionError::Wrong);
        }
        self.place(config)?;
        self.switch_on(config, table, doorbell)?;
        if !device.is_reset() {
            return Err(FunctionError::Stuck);
        }
        if self.described.guarded != 0 && !device.is_limited() {
            return Err(FunctionError::Unguarded);
        }
        if header::set_command(config, self.command()) {
            Ok(())
        } else {
            Err(FunctionError::Command)
        }
    }
}

/// Nobody drives the function at hand: it neither answers nor reaches memory nor interrupts.
pub fn silence(config: &mut impl ConfigMut) {
    header::set_command(config, header::INTX_OFF);
}

/// A region, if drivers get it or a part of it.
fn drivers_region(described: &BusFunction, index: u8) -> Option<&BusBar> {
    described
        .bars
        .iter()
        .take(described.bar_count as usize)
        .find(|bar| bar.index == u64::from(index))
}

#[cfg(test)]
mod tests;
