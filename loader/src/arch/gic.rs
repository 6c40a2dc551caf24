//! For tests: the interrupt controller as loaders that start at EL2 may leave it (GICv2, Arm IHI 0048B).

/// `GICD_IGROUPR0`, QEMU `hw/arm/virt.c`, `VIRT_GIC_DIST`.
const GROUPS: *mut u32 = 0x0800_0080 as *mut u32;
/// Lines of the board, in registers of 32.
const REGISTERS: usize = 288 / 32;

/// Puts all interrupts into group 1.
pub fn put_all_into_group_1() {
    for n in 0..REGISTERS {
        // SAFETY: registers of the board's controller, which nobody else uses while the loader runs; the MMU is off, so
        // they are device memory.
        unsafe { GROUPS.add(n).write_volatile(!0) };
    }
}
