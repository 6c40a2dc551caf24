//! A driver that lets its device write to memory that nobody uses: harmless where nothing stops it.
#![no_std]
#![forbid(unsafe_code)]

use driver_package::resources::DriverResources;
use twist::aim::{Aim, Aimed};

/// Where.
pub struct NobodysMemory;

impl Aim for NobodysMemory {
    fn target(_: &DriverResources) -> u64 {
        // In the middle of what root has left over (`tests/boot/reach.rs` looks there).
        0xa000_0000
    }
}

/// The driver.
pub type Driver = Aimed<NobodysMemory>;
