//! Second tier: what the records mean. Every type here is made by [`super::Spec`] from a record that it has checked.

use super::record::{SLOT_DATA, SLOT_IRQS, SLOT_MMIO};

/// What pages may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Written by the PD (reading is always allowed).
    pub write: bool,
    /// Executed by the PD.
    pub execute: bool,
}

impl Rights {
    /// From bits: 0 read, 1 write, 2 execute. Readable always; write-only does not exist on this machine.
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits & 1 == 1 && bits < 8).then_some(Self {
            write: bits & 2 != 0,
            execute: bits & 4 != 0,
        })
    }
    /// As bits: 0 read, 1 write, 2 execute.
    pub fn bits(self) -> u32 {
        1 | u32::from(self.write) << 1 | u32::from(self.execute) << 2
    }
}

/// How an interrupt line signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// While the line is high.
    Level,
    /// When the line rises.
    Edge,
}

/// What a PD may ask of root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the update transaction.
    Control,
    /// Resets devices.
    Bus,
    /// Fills the memory of new generations.
    Stager,
    /// Says what devices reach.
    Iommu,
    /// Says who hangs.
    Guard,
}

impl Role {
    /// From its number in a record.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Control),
            2 => Some(Self::Bus),
            3 => Some(Self::Stager),
            4 => Some(Self::Iommu),
            5 => Some(Self::Guard),
            _ => None,
        }
    }
    /// Its number in a record.
    pub fn number(self) -> u32 {
        match self {
            Self::Control => 1,
            Self::Bus => 2,
            Self::Stager => 3,
            Self::Iommu => 4,
            Self::Guard => 5,
        }
    }
}

/// A static protection domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pd<'a> {
    /// Name.
    pub name: &'a str,
    /// Gives up its scheduling context after `init`.
    pub passive: bool,
    /// May not use the floating-point unit.
    pub fpu_off: bool,
    /// Is started anew after a fault.
    pub restart: bool,
    /// 0 to 254.
    pub priority: u8,
    /// Segments of its image: index of the first, and how many.
    pub first_segment: usize,
    /// See `first_segment`.
    pub segment_count: usize,
    /// Parent PD and how it names this child.
    pub parent: Option<(usize, u32)>,
    /// Pages of the stack.
    pub stack_pages: u64,
    /// Budget in µs, not above the period.
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

/// A run of pages of a PD's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Address of the first page.
    pub vaddr: u64,
    /// Pages.
    pub pages: u64,
    /// Never both write and execute.
    pub rights: Rights,
    /// Content from the first byte; the rest is zero.
    pub content: &'a [u8],
}

/// A memory region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes, a multiple of the page size.
    pub size: u64,
    /// Where it must be.
    pub phys_addr: Option<u64>,
    /// 12 or 21.
    pub page_bits: u32,
}

impl Region {
    /// Pages of its page size.
    pub fn pages(&self) -> u64 {
        self.size >> self.page_bits
    }
}

/// Content of a region when the system starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill<'a> {
    /// Region.
    pub region: usize,
    /// Offset in it.
    pub offset: u64,
    /// The bytes.
    pub content: &'a [u8],
}

/// A region (or part of one) in a PD's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// PD.
    pub pd: usize,
    /// Region.
    pub region: usize,
    /// First page of the region that is mapped.
    pub first_page: u64,
    /// Pages.
    pub page_count: u64,
    /// Address of the first page.
    pub vaddr: u64,
    /// Rights.
    pub rights: Rights,
    /// Normal memory; else device memory.
    pub cached: bool,
}

/// An interrupt of a static PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irq {
    /// PD.
    pub pd: usize,
    /// Interrupt number (GIC INTID).
    pub irq: u32,
    /// How it signals.
    pub trigger: Trigger,
    /// Channel id in the PD.
    pub channel: u32,
}

/// One end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// PD.
    pub pd: usize,
    /// Channel id in the PD.
    pub id: u32,
    /// May notify the other end.
    pub notify: bool,
    /// May call the other end.
    pub call: bool,
}

/// A channel between two static PDs.
pub type Channel = [End; 2];

/// A PD that may call root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// PD.
    pub pd: usize,
    /// Channel id in the PD: it calls on it, and root notifies it on it.
    pub channel: u32,
    /// What it may ask.
    pub role: Role,
}

/// A register region of a device slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotMmio {
    /// Physical address of the first register.
    pub phys_addr: u64,
    /// Bytes of registers.
    pub len: u64,
    /// Region of the pages they lie in.
    pub region: usize,
}

/// One side of a device slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSide {
    /// Region (one page) that the shadow writes.
    pub shadow_page: usize,
    /// Region (one page) that the driver writes.
    pub driver_page: usize,
    /// Channel id of this side in the shadow.
    pub channel: u32,
}

/// A device slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Name.
    pub name: &'a str,
    /// Class number.
    pub class: u32,
    /// Priority of the drivers.
    pub priority: u8,
    /// PD of the shadow.
    pub shadow: usize,
    /// Budget of a driver in µs, not above the period.
    pub budget_us: u64,
    /// Period of a driver in µs.
    pub period_us: u64,
    /// Heap of a driver in bytes, at least.
    pub heap_size: u64,
    /// Region (one page) with a copy of the device's PCI configuration space.
    pub config: Option<usize>,
    /// The device is behind the IOMMU.
    pub guarded: bool,
    /// Sides A and B.
    pub sides: [SlotSide; 2],
    pub(super) mmio: [Option<SlotMmio>; SLOT_MMIO],
    pub(super) irqs: [Option<(u32, Trigger)>; SLOT_IRQS],
    pub(super) data: [Option<usize>; SLOT_DATA],
}

impl Slot<'_> {
    /// Register regions.
    pub fn mmio(&self) -> impl Iterator<Item = SlotMmio> {
        self.mmio.into_iter().flatten()
    }
    /// Interrupts.
    pub fn irqs(&self) -> impl Iterator<Item = (u32, Trigger)> {
        self.irqs.into_iter().flatten()
    }
    /// Regions that requests point into, in the order of their index at the driver.
    pub fn data(&self) -> impl Iterator<Item = usize> {
        self.data.into_iter().flatten()
    }
}
