//! First tier: the records as they lie in the payload. Nothing here is believed; [`super::model`] gives it meaning.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::config::Name;

/// Most register regions of a device slot.
pub const SLOT_MMIO: usize = 4;
/// Most interrupts of a device slot.
pub const SLOT_IRQS: usize = 4;
/// Most data regions of a device slot.
pub const SLOT_DATA: usize = 16;
/// An index that names nothing.
pub const NONE: u32 = u32::MAX;
/// A physical address that is root's to choose.
pub const ANYWHERE: u64 = u64::MAX;

/// Where a table lies in the payload, and how many records it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Table {
    /// Offset of the first record in the payload.
    pub offset: u32,
    /// Records.
    pub count: u32,
}

/// The start of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`super::MAGIC`].
    pub magic: u32,
    /// [`super::VERSION`].
    pub version: u32,
    /// Bytes of the whole payload.
    pub len: u32,
    /// Region in which root writes its trace, or [`NONE`].
    pub root_trace: u32,
    /// PD whose address space holds the stager's window, or [`NONE`].
    pub stager: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Address of the stager's window.
    pub stager_window: u64,
    /// [`PdRecord`]s.
    pub pds: Table,
    /// [`SegmentRecord`]s, those of a PD one after the other.
    pub segments: Table,
    /// [`RegionRecord`]s.
    pub regions: Table,
    /// [`FillRecord`]s.
    pub fills: Table,
    /// [`MapRecord`]s.
    pub maps: Table,
    /// [`IrqRecord`]s.
    pub irqs: Table,
    /// [`ChannelRecord`]s.
    pub channels: Table,
    /// [`CallerRecord`]s.
    pub callers: Table,
    /// [`SlotRecord`]s.
    pub slots: Table,
}

/// A static protection domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PdRecord {
    /// Name.
    pub name: Name,
    /// Bit 0 passive, bit 1 FPU off, bit 2 ([`RESTART`](Self::RESTART)) started anew after a fault.
    pub flags: u32,
    /// 0 to 254.
    pub priority: u32,
    /// First record in the segment table.
    pub first_segment: u32,
    /// Records in the segment table.
    pub segment_count: u32,
    /// Parent PD, or [`NONE`].
    pub parent: u32,
    /// How the parent names this child.
    pub child_id: u32,
    /// Pages of the stack.
    pub stack_pages: u32,
    /// Budget in µs.
    pub budget_us: u64,
    /// Period in µs.
    pub period_us: u64,
    /// Entry point.
    pub entry: u64,
    /// First address behind the stack.
    pub stack_top: u64,
    /// Address of the IPC buffer's page.
    pub ipc_buffer: u64,
}

impl PdRecord {
    /// Flag: root starts it anew after a fault.
    pub const RESTART: u32 = 1 << 2;
}

/// A run of pages of a PD's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SegmentRecord {
    /// Address of the first page.
    pub vaddr: u64,
    /// Pages.
    pub pages: u32,
    /// Bit 0 read, 1 write, 2 execute; write and execute exclude each other.
    pub rights: u32,
    /// Offset of the content in the payload.
    pub offset: u32,
    /// Bytes of content; the rest is zero.
    pub len: u32,
}

/// A memory region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionRecord {
    /// Bytes, a multiple of the page size.
    pub size: u64,
    /// Physical address, or [`ANYWHERE`].
    pub phys_addr: u64,
    /// 12 or 21.
    pub page_bits: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// Content of a region when the system starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FillRecord {
    /// Offset in the region.
    pub region_offset: u64,
    /// Region.
    pub region: u32,
    /// Offset in the payload.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// A region (or part of one) in a PD's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MapRecord {
    /// Address of the first page.
    pub vaddr: u64,
    /// PD.
    pub pd: u32,
    /// Region.
    pub region: u32,
    /// First page of the region that is mapped.
    pub first_page: u32,
    /// Pages.
    pub page_count: u32,
    /// Bit 0 read, 1 write, 2 execute.
    pub rights: u32,
    /// 1: normal memory; 0: device memory.
    pub cached: u32,
}

/// An interrupt of a static PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IrqRecord {
    /// PD.
    pub pd: u32,
    /// Interrupt number (GIC INTID).
    pub irq: u32,
    /// 0 level, 1 edge.
    pub trigger: u32,
    /// Channel id in the PD.
    pub channel: u32,
}

/// One end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EndRecord {
    /// PD.
    pub pd: u32,
    /// Channel id in the PD.
    pub id: u32,
    /// Bit 0: may notify the other end; bit 1: may call it.
    pub flags: u32,
}

/// A channel between two static PDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChannelRecord {
    /// Ends.
    pub ends: [EndRecord; 2],
}

/// A PD that may call root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CallerRecord {
    /// PD.
    pub pd: u32,
    /// Channel id in the PD: it calls on it, and root notifies it on it.
    pub channel: u32,
    /// 1 control, 2 bus, 3 stager, 4 IOMMU.
    pub role: u32,
}

/// A register region of a device slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotMmioRecord {
    /// Physical address of the first register.
    pub phys_addr: u64,
    /// Bytes of registers.
    pub len: u64,
    /// Region of the pages they lie in.
    pub region: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// An interrupt of a device slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotIrqRecord {
    /// Interrupt number (GIC INTID).
    pub irq: u32,
    /// 0 level, 1 edge.
    pub trigger: u32,
}

/// One side of a device slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SideRecord {
    /// Region (one page) that the shadow writes.
    pub shadow_page: u32,
    /// Region (one page) that the driver writes.
    pub driver_page: u32,
    /// Channel id of this side in the shadow.
    pub channel: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// A device slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotRecord {
    /// Name.
    pub name: Name,
    /// Class number.
    pub class: u32,
    /// Priority of the drivers.
    pub priority: u32,
    /// PD of the shadow.
    pub shadow: u32,
    /// Valid entries of `mmio`.
    pub mmio_count: u32,
    /// Valid entries of `irqs`.
    pub irq_count: u32,
    /// Valid entries of `data`.
    pub data_count: u32,
    /// Region (one page) with a copy of the device's PCI configuration space, or [`NONE`].
    pub config: u32,
    /// 1: the device is behind the IOMMU; else 0.
    pub guarded: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Budget of a driver in µs.
    pub budget_us: u64,
    /// Period of a driver in µs.
    pub period_us: u64,
    /// Heap of a driver in bytes, at least.
    pub heap_size: u64,
    /// Sides A and B.
    pub sides: [SideRecord; 2],
    /// Register regions.
    pub mmio: [SlotMmioRecord; SLOT_MMIO],
    /// Interrupts.
    pub irqs: [SlotIrqRecord; SLOT_IRQS],
    /// Regions that requests point into.
    pub data: [u32; SLOT_DATA],
}
