//! The platform of the contract: QEMU `-M virt`, GICv2, cortex-a53.

use core::ops::Range;

/// Physical memory of the contract's board (2 GiB).
pub const RAM: Range<u64> = 0x4000_0000..0xc000_0000;

/// Physical regions handed out as device untypeds: everything but [`RAM`] and the interrupt controller's two pages.
pub const DEVICES: [Range<u64>; 4] = [
    0x0000_0000..0x0800_0000,
    0x0800_1000..0x0801_0000,
    0x0801_1000..0x4000_0000,
    0xc000_0000..PADDR_USER_DEVICE_TOP,
];

/// End of the physical address space.
pub const PADDR_USER_DEVICE_TOP: u64 = 1 << 40;
/// Interrupt controller, distributor.
pub const GIC_DISTRIBUTOR: u64 = 0x0800_0000;
/// Interrupt controller, CPU interface.
pub const GIC_CPU_INTERFACE: u64 = 0x0801_0000;
/// PL011 that the kernel prints on (debug). Also handed out as device untyped.
pub const UART: u64 = 0x0900_0000;
/// Highest interrupt number that can be issued.
pub const MAX_IRQ: usize = 159;
/// Interrupt of the kernel's own timer (virtual timer, PPI).
pub const KERNEL_TIMER_IRQ: usize = 27;
/// Interrupt of the physical timer, which is user level's.
pub const USER_TIMER_IRQ: usize = 30;
/// Frequency of the architected timer, Hz.
pub const TIMER_FREQUENCY: u64 = 62_500_000;
/// Physical address the official kernel is linked for.
pub const KERNEL_PHYS_BASE: u64 = 0x4000_0000;
/// Virtual address of it.
pub const KERNEL_ELF_BASE: u64 = 0xffff_ff80_4000_0000;

/// Registers of the hand-over from the loader to the kernel, in x0 to x5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BootRegisters {
    /// x0: first physical address of the root task's image.
    pub user_image_start: u64,
    /// x1: first physical address after it.
    pub user_image_end: u64,
    /// x2: physical minus virtual address of the image.
    pub phys_virt_offset: u64,
    /// x3: virtual address of its entry point.
    pub user_entry: u64,
    /// x4: physical address of the device tree, 0 if none.
    pub dtb: u64,
    /// x5: bytes of it.
    pub dtb_size: u64,
}

const _: () = assert!(DEVICES[0].end == GIC_DISTRIBUTOR && DEVICES[1].end == GIC_CPU_INTERFACE);
