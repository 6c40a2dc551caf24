//! QEMU's machine `virt`, as far as the loader must know it before it can read the device tree.

/// Data register of the first PL011 (QEMU `hw/arm/virt.c`, `VIRT_UART0`); no initialisation is needed.
pub const UART_BASE: u64 = 0x0900_0000;

/// Start of RAM. QEMU leaves the device tree here unless the boot image itself covers the place.
pub const RAM_START: u64 = 0x4000_0000;

/// Everything below is devices, everything from here on may be RAM.
pub const DEVICE_END: u64 = RAM_START;

/// RAM assumed when there is no device tree to ask: what the kernel's configuration of this board counts on.
pub const RAM_BYTES: u64 = 2 << 30;
