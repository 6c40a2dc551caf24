//! How much memory there is, from the device tree.

use core::ops::Range;

use dtoolkit::fdt::Fdt;
use sel4_abi::platform::{KERNEL_PHYS_BASE, RAM};

/// RAM is mapped in blocks of this size.
const BLOCK: u64 = 2 << 20;

/// The range of RAM the kernel lies in: what the tree says, or the official kernel's 2 GiB without one.
pub fn ram(tree: Option<&[u8]>) -> Range<u64> {
    tree.and_then(from_tree).unwrap_or(RAM)
}

fn from_tree(tree: &[u8]) -> Option<Range<u64>> {
    let memory = Fdt::new(tree).ok()?.memory().ok()?;
    for reg in memory.reg().ok()?? {
        let (start, bytes) = (reg.address::<u64>().ok()?, reg.size::<u64>().ok()?);
        let end = start.checked_add(bytes)? / BLOCK * BLOCK;
        if (start..end).contains(&KERNEL_PHYS_BASE) {
            return Some(KERNEL_PHYS_BASE..end.min(crate::arch::WINDOW_BYTES));
        }
    }
    None
}
