//! Slots of devices that come and go, behind root ports.

use pci::port::{Change, GRANULE, Port};
use pci::{Patience, header, port};
use supervision::bus::Presence;
use system_spec::config::{BusFunction, BusSlot};

use super::Host;
use crate::function::FunctionError;
use crate::space::Space;

impl<S: Space> Host<S> {
    /// Opens the way to what is behind ports, and listens to them. A slot whose port is none has no device.
    pub(super) fn open_ports(&mut self, slots: &[BusSlot], patience: &impl Patience) {
        for (number, slot) in slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.function.port != 0)
        {
            let Some(own) = self.window.take(OWN_REGION) else {
                continue;
            };
            let function = &slot.function;
            let bus = (function.address >> 8) as u8;
            let Some(mut config) = self.at(function.port) else {
                continue;
            };
            let Some(port) = Port::find(&config) else { continue };
            if Port::forward(&mut config, bus, (function.forwarded, GRANULE), own) {
                port.listen(&mut config, patience);
                if let Some(entry) = self.ports.get_mut(number) {
                    *entry = Some(port);
                }
                self.silence_beside(slots, function);
            }
        }
    }

    /// Does what ports ask for. True: control is to look.
    ///
    /// To be called when they interrupt, and whenever one was written to: QEMU's take their line back at any write, also if the write
    /// is what made something happen.
    pub fn attend(&mut self, slots: &[BusSlot], patience: &impl Patience) -> bool {
        let mut changed = false;
        for (number, slot) in slots.iter().enumerate() {
            let Some((port, mut config)) = self.port(number, &slot.function) else {
                continue;
            };
            for _ in 0..LOOKS {
                let change = port.attend(&mut config, patience);
                changed |= change != Change::None;
                match change {
                    Change::None => break,
                    Change::Added => self.added(slots, number, &slot.function, patience),
                    Change::Gone => self.forget(number),
                    Change::Pressed => {}
                }
            }
        }
        changed
    }

    /// It is as after a reset, and given its places here. It may take 100 ms until it answers (PCI Express, 6.6.1). What fails is tried
    /// again when its reset is asked for.
    fn added(&mut self, slots: &[BusSlot], number: usize, function: &BusFunction, patience: &impl Patience) {
        self.forget(number);
        if patience.until(|| self.answers(function)) {
            self.silence_beside(slots, function);
            let _ = self.settle(number, function);
        }
    }

    fn answers(&self, function: &BusFunction) -> bool {
        let config = self.config(function);
        config.is_some_and(|config| header::identity(&config).is_some())
    }

    /// Silences what came with a slot's function, if that is one that comes. It does not show itself before that answers.
    pub(super) fn silence_beside(&self, slots: &[BusSlot], function: &BusFunction) {
        if function.port != 0 {
            self.silence(slots, (function.address >> 8) as u8);
        }
    }

    fn forget(&mut self, number: usize) {
        if let Some(entry) = self.functions.get_mut(number) {
            *entry = None;
        }
    }

    fn port(&self, number: usize, function: &BusFunction) -> Option<(Port, S::Mapped)> {
        let port = self.ports.get(number).copied().flatten()?;
        Some((port, self.at(function.port)?))
    }

    /// What is in the slot of this number.
    pub fn presence(&self, slots: &[BusSlot], number: u32) -> Presence {
        let found = slots.iter().enumerate().find(|(_, slot)| slot.slot == number);
        let Some((index, slot)) = found.filter(|(_, slot)| slot.function.port != 0) else {
            return Presence::Present;
        };
        match self
            .port(index, &slot.function)
            .map(|(port, config)| port.presence(&config))
        {
            Some(port::Presence::Present) => Presence::Present,
            Some(port::Presence::Leaving) => Presence::Leaving,
            Some(port::Presence::Absent) | None => Presence::Absent,
        }
    }

    /// Takes the power from what is to leave the slot of this number; false: nothing is.
    pub fn release(&mut self, slots: &[BusSlot], number: u32, patience: &impl Patience) -> bool {
        if self.presence(slots, number) != Presence::Leaving {
            return false;
        }
        let Some(index) = slots.iter().position(|slot| slot.slot == number) else {
            return false;
        };
        self.take_power(index, &slots[index].function, patience)
    }

    /// Whether what is behind a port has no power from here on: the port says so, and it does not answer.
    fn take_power(&mut self, index: usize, function: &BusFunction, patience: &impl Patience) -> bool {
        let Some((port, mut config)) = self.port(index, function) else {
            return false;
        };
        let taken = port.release(&mut config, patience);
        self.forget(index);
        taken && patience.until(|| !self.answers(function))
    }

    /// A function that does not answer has no power from here on: whatever became of it, it reaches nothing.
    ///
    /// # Errors
    /// [`FunctionError::Gone`] if it is so; [`FunctionError::Stuck`] if nobody can tell.
    pub(super) fn make_sure(
        &mut self,
        index: usize,
        function: &BusFunction,
        patience: &impl Patience,
    ) -> Result<(), FunctionError> {
        if function.port == 0 {
            return Ok(());
        }
        let Some((port, config)) = self.port(index, function) else {
            // There is no such port, or it lets nothing through.
            let port = self
                .at(function.port)
                .filter(|port| header::identity(port).is_some());
            return match port.map_or(0, |port| header::command(&port)) & header::BUS_MASTER {
                0 => Err(FunctionError::Gone),
                _ => Err(FunctionError::Stuck),
            };
        };
        if self.answers(function) && port.presence(&config) != port::Presence::Absent {
            return Ok(());
        }
        match self.take_power(index, function, patience) {
            true => Err(FunctionError::Gone),
            false => Err(FunctionError::Stuck),
        }
    }
}

/// Times that a port is looked at in one go; a port that never comes to rest interrupts again.
const LOOKS: usize = 8;
/// Bytes of a port's own region.
const OWN_REGION: u64 = 0x1000;
