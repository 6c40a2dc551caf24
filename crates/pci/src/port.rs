//! Root ports: what is behind one goes in and out while the system runs (PCI Express Base Specification 4.0, 6.7 and 7.5.3; for the
//! header of a bridge, PCI-to-PCI Bridge 1.2, 3.2.5).

use crate::capability::{self, Capability};
use crate::{Config, ConfigMut, Patience, header};

const EXPRESS: u8 = 0x10;
/// Kinds of port that have a slot: of a root complex, of a switch downwards.
const KINDS: [u32; 2] = [4, 6];
/// First word: there is a slot behind the port.
const SLOT: u32 = 1 << 24;
/// Slot capabilities: power controller; things may go in and out.
pub(crate) const NEEDED: u32 = 1 << 1 | 1 << 6;
/// Slot capabilities: it does not say when a command is done.
const NO_WORD_OF_COMMANDS: u32 = 1 << 18;

/// Slot status: the button was pressed, the presence changed, a command is done. Written as 1 they are forgotten.
pub(crate) const PRESSED: u16 = 1;
pub(crate) const CHANGED: u16 = 1 << 3;
pub(crate) const COMMAND_DONE: u16 = 1 << 4;
/// Slot status: something is in it.
pub(crate) const OCCUPIED: u16 = 1 << 6;

/// Slot control: interrupt when the button is pressed, and when the presence changes.
const LISTEN: u16 = 1 | 1 << 3 | 1 << 5;
/// Slot control: the attention light is off.
const ATTENTION_OFF: u16 = 3 << 6;
pub(crate) const LIGHT: u16 = 3 << 8;
pub(crate) const POWER_OFF: u16 = 1 << 10;
/// Slot control: what has no power, and the light that says so.
const NO_POWER: u16 = Light::Off as u16 | POWER_OFF;

const BUSES: u8 = 0x18;
const PORTS: u8 = 0x1c;
const MEMORY: u8 = 0x20;
const PREFETCHABLE: u8 = 0x24;
const OWN_REGION: u8 = 0x10;

/// A bridge forwards memory in pieces of this size.
pub const GRANULE: u64 = 0x10_0000;

/// Registers of a port. Those of its slot are halves of a word, of which one must not be written with the other.
pub trait Registers: ConfigMut {
    /// Writes the half word at `offset`, a multiple of 2 below 256.
    fn write_half(&mut self, offset: u8, value: u16);
}

/// What is in a slot, as far as its owner is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing, or nothing that has power.
    Absent,
    /// Something.
    Present,
    /// Something that somebody wants to take out.
    Leaving,
}

/// What happened at a slot since it was looked at before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Something was put in, and has power now. It is as after a reset.
    Added,
    /// Somebody pressed the button at what is in it. The light blinks until it was [released](Port::release).
    Pressed,
    /// What was in it is gone, without a word or after it was released.
    Gone,
}

/// A port with a slot.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Offset of control, with the status behind it.
    word: u8,
    tells_commands: bool,
}

impl Port {
    /// The function at hand, if it is such a port, and power and button of its slot are ours.
    pub fn find(config: &impl Config) -> Option<Self> {
        let express: Capability =
            capability::find(config, EXPRESS).filter(|_| header::is_bridge_header(config))?;
        let first = express.word(config, 0)?;
        let slot = first & SLOT != 0 && KINDS.contains(&(first >> 20 & 0xf));
        let able = express.word(config, 5)?;
        let word = express.offset_of(6)?;
        (slot && able & NEEDED == NEEDED).then_some(Self {
            word,
            tells_commands: able & NO_WORD_OF_COMMANDS == 0,
        })
    }

    /// Forwards configuration to bus `bus` and nothing behind it, and `len` bytes of memory from `start`, both multiples of
    /// [`GRANULE`]. The port's own region, of which nothing is used, lies at `own`. False: it does not read back.
    pub fn forward(config: &mut impl ConfigMut, bus: u8, (start, len): (u64, u64), own: u64) -> bool {
        let last = start.saturating_add(len).saturating_sub(1);
        let memory = (start >> 16) as u32 & 0xfff0 | ((last >> 16) as u32 & 0xfff0) << 16;
        let buses = u32::from(bus) << 8 | u32::from(bus) << 16;
        let command = header::MEMORY | header::BUS_MASTER;
        let placed = |config: &dyn Config| {
            config.read(MEMORY) & 0xfff0_fff0 == memory && config.read(BUSES) & 0xff_ffff == buses
        };
        if placed(config) && header::command(config) == command {
            // As a bus before left it: what is behind the port may be at work.
            return true;
        }
        if !header::set_command(config, 0) {
            return false;
        }
        config.write(OWN_REGION, own as u32);
        config.write(BUSES, buses);
        // Ends that lie before their beginnings: neither ports nor memory that may be read ahead.
        config.write(PORTS, 0x00f0);
        config.write(PREFETCHABLE, 0xfff0);
        config.write(MEMORY, memory);
        placed(config) && header::set_command(config, command)
    }

    fn status(&self, config: &impl Config) -> u16 {
        (config.read(self.word) >> 16) as u16
    }

    fn said(&self, config: &impl Config) -> u16 {
        config.read(self.word) as u16
    }

    /// What is in the slot. All of it is in the port's registers, so that a bus that is started anew knows it.
    pub fn presence(&self, config: &impl Config) -> Presence {
        let said = self.said(config);
        match () {
            () if self.status(config) & OCCUPIED == 0 || said & POWER_OFF != 0 => Presence::Absent,
            () if said & LIGHT == Light::Blinks as u16 => Presence::Leaving,
            () => Presence::Present,
        }
    }

    /// Begins to interrupt when something happens.
    pub fn listen(&self, config: &mut impl Registers, patience: &impl Patience) {
        let said = self.said(config);
        self.order(config, said & (LIGHT | POWER_OFF), patience);
    }

    /// Takes note of what happened, and does what the slot needs for it.
    pub fn attend(&self, config: &mut impl Registers, patience: &impl Patience) -> Change {
        let status = self.status(config);
        let happened = status & (PRESSED | CHANGED);
        if happened == 0 {
            return Change::None;
        }
        // Before it is acted upon: what happens from here on interrupts again.
        config.write_half(self.word + 2, happened);
        let occupied = status & OCCUPIED != 0;
        match self.presence(config) {
            Presence::Absent if occupied => {
                self.order(config, Light::On as u16, patience);
                Change::Added
            }
            Presence::Absent => {
                self.order(config, NO_POWER, patience);
                Change::Gone
            }
            Presence::Present if happened & PRESSED != 0 => {
                self.order(config, Light::Blinks as u16, patience);
                Change::Pressed
            }
            Presence::Present | Presence::Leaving => Change::None,
        }
    }

    /// Takes the power from what is in the slot: it does nothing any more, and may be taken out. False: the port does not say that it has
    /// none.
    pub fn release(&self, config: &mut impl Registers, patience: &impl Patience) -> bool {
        self.order(config, NO_POWER, patience);
        // A port that is gone itself reads ones.
        header::identity(config).is_some() && self.said(config) & (LIGHT | POWER_OFF) == NO_POWER
    }

    fn order(&self, config: &mut impl Registers, what: u16, patience: &impl Patience) {
        config.write_half(self.word, LISTEN | ATTENTION_OFF | what);
        if self.tells_commands && patience.until(|| self.status(config) & COMMAND_DONE != 0) {
            config.write_half(self.word + 2, COMMAND_DONE);
        }
    }
}

/// What the slot's light says.
#[repr(u16)]
pub(crate) enum Light {
    On = 1 << 8,
    Blinks = 2 << 8,
    Off = 3 << 8,
}

#[cfg(test)]
mod tests;
