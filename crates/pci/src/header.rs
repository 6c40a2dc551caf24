//! The part of configuration space that all functions have (PCI 6.1, 6.2).

use crate::{Config, ConfigMut};

const IDENTITY: u8 = 0x00;
const COMMAND: u8 = 0x04;
const CLASS: u8 = 0x08;
const HEADER_TYPE: u8 = 0x0c;
const INTERRUPT: u8 = 0x3c;

/// Command: answers at its memory regions.
pub const MEMORY: u16 = 1 << 1;
/// Command: may read and write memory, which is also how it sends interrupts as messages.
pub const BUS_MASTER: u16 = 1 << 2;
/// Command: does not pull its interrupt line.
pub const INTX_OFF: u16 = 1 << 10;
/// Command: what is ever set here. The other bits are for buses of another age.
const USED: u16 = 1 | MEMORY | BUS_MASTER | INTX_OFF;

/// Vendor and device id, if there is a function.
pub fn identity(config: &impl Config) -> Option<(u16, u16)> {
    let word = config.read(IDENTITY);
    let (vendor, device) = (word as u16, (word >> 16) as u16);
    (vendor != 0xffff && vendor != 0).then_some((vendor, device))
}

/// Whether the device has functions besides its first.
pub(crate) fn has_more_functions(config: &impl Config) -> bool {
    config.read(HEADER_TYPE) & 1 << 23 != 0
}

/// Whether the function is a device, and no bridge: then it has six base address registers.
pub fn is_endpoint(config: &impl Config) -> bool {
    config.read(HEADER_TYPE) >> 16 & 0x7f == 0
}

/// Whether the function is a bridge with another bus behind it.
pub(crate) fn is_bridge_header(config: &impl Config) -> bool {
    config.read(HEADER_TYPE) >> 16 & 0x7f == 1
}

/// Whether there is a list of capabilities.
pub(crate) fn has_capabilities(config: &impl Config) -> bool {
    config.read(COMMAND) & 1 << 20 != 0
}

/// What the function is allowed.
pub fn command(config: &impl Config) -> u16 {
    config.read(COMMAND) as u16 & USED
}

/// Allows the function this and nothing else; `false` if it does not read back.
pub fn set_command(config: &mut impl ConfigMut, bits: u16) -> bool {
    // The upper half is the status, whose bits are cleared by writing ones.
    config.write(COMMAND, bits.into());
    command(config) == bits
}

/// Which of the shared lines the function pulls: 1 to 4, or 0 for none.
pub fn interrupt_pin(config: &impl Config) -> u8 {
    (config.read(INTERRUPT) >> 8) as u8
}

/// Class code: base class, sub-class, programming interface, from the highest byte of three.
pub fn class(config: &impl Config) -> u32 {
    config.read(CLASS) >> 8
}
