//! A driver that lets its device write to memory of others, somewhere else in each generation.
#![no_std]
#![forbid(unsafe_code)]

use driver_package::resources::{DataRegion, DriverResources};
use twist::aim::{Aim, Aimed};

/// The kernel's code.
const KERNEL: u64 = 0x4000_1000;
/// Most bytes of a request.
const LONGEST: u64 = 0x4_0000;

/// Where.
pub struct Others;

impl Aim for Others {
    fn target(resources: &DriverResources) -> u64 {
        let targets = [
            KERNEL,
            // Memory of another device's driver: the command channel's.
            0x8000_0000,
            // Another generation's memory: places lie one behind the other.
            resources.window_paddr + 0x20_0000,
            resources.window_paddr - 0x20_0000,
            // Behind our own, where the kernel keeps our page tables.
            resources.window_paddr + resources.window_len,
            // Our own code, which the device may only read.
            resources.window_paddr,
            // The interrupt controller: a message that is none of ours.
            0x0800_0200,
        ];
        let target = targets[resources.generation as usize % targets.len()];
        // What lies beside our place may be data of our own slot, which the device does reach.
        let ours =
            |region: &DataRegion| target < region.io_addr + region.len && region.io_addr < target + LONGEST;
        if resources.data.iter().any(ours) {
            return KERNEL;
        }
        target
    }
}

/// The driver.
pub type Driver = Aimed<Others>;
