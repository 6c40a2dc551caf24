//! What the kernel hands to the root task: its initial capabilities, and the boot info frame.

use crate::Word;
use crate::config::MAX_NUM_BOOTINFO_UNTYPED_CAPS;
use crate::numbered::numbered;
use core::mem::offset_of;

numbered! {
    /// Slots of the root task's CNode that the kernel fills (`seL4_RootCNodeCapSlots`).
    pub enum InitCap: u64 {
        /// Always empty.
        Null = 0,
        /// The initial thread's TCB.
        InitThreadTcb = 1,
        /// The root CNode itself.
        InitThreadCNode = 2,
        /// The top-level translation table.
        InitThreadVSpace = 3,
        /// Authority over interrupts.
        IrqControl = 4,
        /// Authority over address space identifiers.
        AsidControl = 5,
        /// The first ASID pool.
        InitThreadAsidPool = 6,
        /// Empty on this architecture.
        IoPortControl = 7,
        /// Empty in this configuration.
        IoSpace = 8,
        /// The boot info frame.
        BootInfoFrame = 9,
        /// The initial thread's IPC buffer frame.
        InitThreadIpcBuffer = 10,
        /// Authority over scheduling domains.
        Domain = 11,
        /// Empty in this configuration.
        SmmuSidControl = 12,
        /// Empty in this configuration.
        SmmuCbControl = 13,
        /// The initial thread's scheduling context.
        InitThreadSc = 14,
        /// Authority to call firmware by SMC.
        Smc = 15,
    }
}

/// Slots with a fixed meaning; the kernel's further capabilities follow.
pub const NUM_INITIAL_CAPS: usize = 16;

/// Half-open range of slots in the root CNode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SlotRegion {
    /// First slot.
    pub start: Word,
    /// First slot after the region.
    pub end: Word,
}

/// One untyped capability the root task got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct UntypedDesc {
    /// Physical address.
    pub paddr: Word,
    /// log2 of its bytes.
    pub size_bits: u8,
    /// 1 for memory the kernel never touches (device registers, reserved memory), else 0.
    pub is_device: u8,
    /// Zero.
    pub padding: [u8; 6],
}

impl UntypedDesc {
    /// Physical address, for an address computation.
    pub const fn paddr(&self) -> usize {
        self.paddr as usize
    }

    /// log2 of its bytes, for a shift.
    pub const fn size_bits(&self) -> usize {
        self.size_bits as usize
    }

    /// Whether it is memory the kernel never touches.
    pub const fn is_device(&self) -> bool {
        self.is_device != 0
    }
}

/// The structure at the begin of the boot info frame (`seL4_BootInfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BootInfo {
    /// Bytes of the chunks that follow the boot info frame.
    pub extra_len: Word,
    /// This node.
    pub node_id: Word,
    /// Number of nodes.
    pub num_nodes: Word,
    /// 0: no IOMMU.
    pub num_io_pt_levels: Word,
    /// Address of the initial thread's IPC buffer.
    pub ipc_buffer: Word,
    /// Empty slots.
    pub empty: SlotRegion,
    /// Frames shared between nodes: none.
    pub shared_frames: SlotRegion,
    /// Frames of the root task's image, in order of address.
    pub user_image_frames: SlotRegion,
    /// Page tables of the root task's VSpace.
    pub user_image_paging: SlotRegion,
    /// None.
    pub io_space_caps: SlotRegion,
    /// Frames of the extra chunks.
    pub extra_bi_pages: SlotRegion,
    /// log2 of the root CNode's slots.
    pub init_thread_cnode_size_bits: Word,
    /// Domain of the initial thread.
    pub init_thread_domain: Word,
    /// One scheduling control capability per node.
    pub sched_control: SlotRegion,
    /// Untyped capabilities, in the order of `untyped_list`.
    pub untyped: SlotRegion,
    /// What they are; devices come first.
    pub untyped_list: [UntypedDesc; MAX_NUM_BOOTINFO_UNTYPED_CAPS],
}

/// log2 of the bytes of the boot info frame; extra chunks begin right after it.
pub const BOOT_INFO_FRAME_BITS: usize = 12;

/// Header of a chunk of extra boot information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BootInfoHeader {
    /// What the chunk holds, a [`BootInfoId`].
    pub id: Word,
    /// Bytes of the chunk, header included.
    pub len: Word,
}

numbered! {
    /// Kinds of extra chunks (`seL4_BootInfoID`).
    pub enum BootInfoId: u64 {
        /// Nothing.
        Padding = 0,
        /// x86 only.
        X86Vbe = 1,
        /// x86 only.
        X86Mbmmap = 2,
        /// x86 only.
        X86AcpiRsdp = 3,
        /// x86 only.
        X86FrameBuffer = 4,
        /// x86 only.
        X86TscFreq = 5,
        /// The flattened device tree.
        Fdt = 6,
    }
}

impl BootInfo {
    /// All zero.
    pub const fn new() -> Self {
        const NONE: SlotRegion = SlotRegion { start: 0, end: 0 };
        Self {
            extra_len: 0,
            node_id: 0,
            num_nodes: 0,
            num_io_pt_levels: 0,
            ipc_buffer: 0,
            empty: NONE,
            shared_frames: NONE,
            user_image_frames: NONE,
            user_image_paging: NONE,
            io_space_caps: NONE,
            extra_bi_pages: NONE,
            init_thread_cnode_size_bits: 0,
            init_thread_domain: 0,
            sched_control: NONE,
            untyped: NONE,
            untyped_list: [UntypedDesc {
                paddr: 0,
                size_bits: 0,
                is_device: 0,
                padding: [0; 6],
            }; MAX_NUM_BOOTINFO_UNTYPED_CAPS],
        }
    }
}

impl Default for BootInfo {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = {
    assert!(InitCap::ALL.len() == NUM_INITIAL_CAPS);
    assert!(size_of::<UntypedDesc>() == 16 && size_of::<BootInfoHeader>() == 16);
    assert!(size_of::<BootInfo>() == 3864 && size_of::<BootInfo>() <= 1 << BOOT_INFO_FRAME_BITS);
    assert!(offset_of!(BootInfo, empty) == 40);
    assert!(offset_of!(BootInfo, sched_control) == 152);
    assert!(offset_of!(BootInfo, untyped) == 168);
    assert!(offset_of!(BootInfo, untyped_list) == 184);
};
