//! Interrupts as messages without a table (PCI 6.8.1). Nobody here uses them: where a function's go, its configuration space would say.

use crate::{ConfigMut, capability};

const ID: u8 = 0x05;
/// Message control, in the upper half of the first word: on.
const ON: u32 = 1 << 16;

/// Has the function send none. False: it does not read back.
pub fn switch_off(config: &mut impl ConfigMut) -> bool {
    capability::clear(config, ID, ON)
}
