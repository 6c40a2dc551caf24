//! The address space of a driver generation and the page that describes it.
//!
//! A driver is linked by the host against fixed addresses, so nothing in it is patched at run time. What differs
//! from device to device and from generation to generation stands in one page, mapped read-only at
//! [`RESOURCES_VADDR`] and filled by root before the driver runs.
//!
//! All private memory of a generation is one *window*: page `i` of the window is mapped at
//! `WINDOW_VADDR + i * 4096` and lies at `window_paddr + i * 4096`, so that a driver computes the address its
//! device must use by one subtraction, and a stray DMA of an old generation can only hit the old generation.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Where a generation's window starts, and the base address driver images are linked at.
pub const WINDOW_VADDR: u64 = 0x20_0000;
/// The largest window, in bytes: image, guard page, stack and heap together.
pub const WINDOW_MAX: u64 = 0x20_0000;
/// Where the resources page is mapped, read-only.
pub const RESOURCES_VADDR: u64 = 0x60_0000;
/// Where the driver's IPC buffer is mapped.
pub const IPC_BUFFER_VADDR: u64 = 0x60_1000;
/// The page of the device link that the driver writes.
pub const LINK_OWN_VADDR: u64 = 0x60_2000;
/// The page of the device link that the shadow writes; read-only here.
pub const LINK_PEER_VADDR: u64 = 0x60_3000;
/// Where a copy of the device's PCI configuration space is mapped, read-only, if it has one.
pub const CONFIG_VADDR: u64 = 0x60_4000;
/// Where the first register page is mapped; region `i` starts at `MMIO_VADDR + i * MMIO_STRIDE`.
pub const MMIO_VADDR: u64 = 0x70_0000;
/// Distance between register regions, and so the largest size of one: 128 KiB, which network devices have.
pub const MMIO_STRIDE: u64 = 0x2_0000;
/// Where data region 0 is mapped; region `i` starts at `DATA_VADDR + i * DATA_STRIDE`.
pub const DATA_VADDR: u64 = 0x1000_0000;
/// Distance between data regions, and so the largest size of one: 16 MiB.
pub const DATA_STRIDE: u64 = 0x100_0000;

/// CSpace of a driver: its notification, to wait on.
pub const SLOT_NOTIFICATION: u64 = 1;
/// CSpace of a driver: the shadow's notification, to signal.
pub const SLOT_SHADOW: u64 = 10;
/// CSpace of a driver: IRQ handler `i` is in slot `SLOT_IRQ + i`.
pub const SLOT_IRQ: u64 = 138;
/// Size of a driver's CNode in bits of slots.
pub const CNODE_BITS: u64 = 8;

/// Badge bit of a driver's notification that says "the shadow has written the link".
pub const BADGE_SHADOW: u64 = 1 << 0;
/// Badge bit of interrupt `i` is `BADGE_IRQ << i`.
pub const BADGE_IRQ: u64 = 1 << 8;

/// "UMBR", the first word of a resources page.
pub const MAGIC: u32 = 0x5242_4d55;
/// Version of [`DriverResources`]; a driver built for another version is not started.
pub const VERSION: u32 = 2;
/// Most register regions of a device.
pub const MAX_MMIO: usize = 4;
/// Most interrupts of a device.
pub const MAX_IRQS: usize = 4;
/// Most data regions that a driver reaches.
pub const MAX_DATA_REGIONS: usize = 16;

/// One register region of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MmioRegion {
    /// Address of the first register in the driver's address space (need not be page-aligned).
    pub vaddr: u64,
    /// Physical address of the first register.
    pub paddr: u64,
    /// Length of the region in bytes.
    pub len: u64,
}

/// One data region that requests point into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DataRegion {
    /// Address in the driver's address space.
    pub vaddr: u64,
    /// Address the device uses.
    pub io_addr: u64,
    /// Length in bytes.
    pub len: u64,
}

/// The resources page. Counts say how many entries of the arrays are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DriverResources {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Device slot this generation serves.
    pub slot: u32,
    /// Number of this generation; every request and response carries it.
    pub generation: u32,
    /// Class number (`device_class::ClassId`).
    pub class: u32,
    /// Valid entries of `mmio`.
    pub mmio_count: u32,
    /// Interrupts of the device; handler `i` is in slot `SLOT_IRQ + i`.
    pub irq_count: u32,
    /// Valid entries of `data`.
    pub data_count: u32,
    /// Physical address of the window's first byte.
    pub window_paddr: u64,
    /// Bytes of the window in use.
    pub window_len: u64,
    /// Start of the heap (inside the window), for the driver's own allocations and DMA memory.
    pub heap_vaddr: u64,
    /// Bytes of the heap.
    pub heap_len: u64,
    /// Frequency of CNTPCT, in Hz.
    pub counter_hz: u64,
    /// [`CONFIG_VADDR`] if the device is on PCI: 256 bytes of its configuration space as the bus left it; 0 if it is not.
    pub config_vaddr: u64,
    /// Register regions.
    pub mmio: [MmioRegion; MAX_MMIO],
    /// Data regions; a request names one by its index here.
    pub data: [DataRegion; MAX_DATA_REGIONS],
}

const _: () = assert!(size_of::<DriverResources>() == 80 + 24 * MAX_MMIO + 24 * MAX_DATA_REGIONS);
const _: () = assert!(size_of::<DriverResources>() <= 4096);
