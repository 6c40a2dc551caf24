//! The update of a driver, model-checked: every interleaving of its steps with crashes of the parties, time-outs, late
//! writes of the device and orders of the operator, within bounds.
//!
//! Nothing of the transaction is written again here. Control is `control::transaction::Machine`, root is
//! `root::generation::Generations`, the shadow is `shadow::slot::Slot` with the block class's rules, over the code's
//! own links. Around them stand small models of what the code meets: [`device`] (device, driver), [`client`], the stager
//! and the links ([`state`]), root's hand on memory and registers ([`root`]).
//!
//! What is checked, how far, and what it found: `docs/design/011-model.md`.

#![forbid(unsafe_code)]

pub mod bounds;
pub mod client;
pub mod control;
pub mod device;
pub mod disk;
pub mod end;
pub mod endings;
pub mod memory;
pub mod model;
pub mod records;
pub mod root;
pub mod shadow;
pub mod state;
pub mod step;
pub mod still;

/// Number of the device slot.
pub const SLOT: u32 = 0;
