//! Kernel objects: their type numbers and sizes.

use crate::numbered::numbered;

numbered! {
    /// Type argument of `Untyped_Retype`.
    pub enum ObjectType: u64 {
        /// Memory to retype again.
        Untyped = 0,
        /// Thread control block.
        Tcb = 1,
        /// Endpoint.
        Endpoint = 2,
        /// Notification.
        Notification = 3,
        /// CNode (libsel4: `seL4_CapTableObject`).
        CNode = 4,
        /// Scheduling context.
        SchedContext = 5,
        /// Reply object.
        Reply = 6,
        /// 1 GiB frame.
        HugePage = 7,
        /// Top-level translation table.
        VSpace = 8,
        /// 4 KiB frame.
        SmallPage = 9,
        /// 2 MiB frame.
        LargePage = 10,
        /// Translation table of any lower level.
        PageTable = 11,
    }
}

/// Number of object types (`seL4_ObjectTypeCount`).
pub const OBJECT_TYPE_COUNT: usize = 12;
/// Number of object types that every architecture has.
pub const NON_ARCH_OBJECT_TYPE_COUNT: usize = 7;
/// First type number after the modes' own (`seL4_ModeObjectTypeCount`).
pub const MODE_OBJECT_TYPE_COUNT: usize = 9;

/// log2 of the bytes of a capability slot.
pub const SLOT_BITS: usize = 5;
/// log2 of the bytes of a TCB; a debug kernel keeps breakpoint state in it.
pub const TCB_BITS: usize = if crate::config::HARDWARE_DEBUG_API { 12 } else { 11 };
/// log2 of the bytes of an endpoint.
pub const ENDPOINT_BITS: usize = 4;
/// log2 of the bytes of a notification.
pub const NOTIFICATION_BITS: usize = 6;
/// log2 of the bytes of a reply object.
pub const REPLY_BITS: usize = 5;
/// log2 of the bytes of the smallest scheduling context.
pub const MIN_SCHED_CONTEXT_BITS: usize = 7;
/// Bytes of a scheduling context with its two obligatory refills.
pub const CORE_SCHED_CONTEXT_BYTES: usize = 128;
/// Bytes of each further refill.
pub const REFILL_SIZE_BYTES: usize = 16;
/// log2 of the bytes of a small page, the granule of mapping.
pub const PAGE_BITS: usize = 12;
/// log2 of the bytes of a large page.
pub const LARGE_PAGE_BITS: usize = 21;
/// log2 of the bytes of a huge page.
pub const HUGE_PAGE_BITS: usize = 30;
/// log2 of the bytes of a page table.
pub const PAGE_TABLE_BITS: usize = 12;
/// log2 of the entries of a page table.
pub const PAGE_TABLE_INDEX_BITS: usize = 9;
/// log2 of the bytes of a top-level table.
pub const VSPACE_BITS: usize = 12;
/// log2 of the entries of a top-level table.
pub const VSPACE_INDEX_BITS: usize = 9;
/// log2 of the bytes of an ASID pool.
pub const ASID_POOL_BITS: usize = 12;
/// log2 of the entries of an ASID pool.
pub const ASID_POOL_INDEX_BITS: usize = 9;
/// log2 of the number of ASID pools.
pub const NUM_ASID_POOLS_BITS: usize = 7;
/// log2 of the bytes of the smallest untyped.
pub const MIN_UNTYPED_BITS: usize = 4;
/// log2 of the bytes of the largest untyped.
pub const MAX_UNTYPED_BITS: usize = 47;

/// Refills beyond the obligatory two that a scheduling context of `2^size_bits` bytes can hold.
///
/// `size_bits` is at least [`MIN_SCHED_CONTEXT_BITS`]; smaller ones hold none.
pub const fn max_extra_refills(size_bits: usize) -> usize {
    (1usize << size_bits).saturating_sub(CORE_SCHED_CONTEXT_BYTES) / REFILL_SIZE_BYTES
}

impl ObjectType {
    /// log2 of the bytes an object of this type occupies.
    ///
    /// `size_bits` is the size argument of `Untyped_Retype`: it counts for untypeds (bytes), CNodes (slots) and
    /// scheduling contexts (bytes), and is ignored for the rest.
    pub const fn physical_size_bits(self, size_bits: usize) -> usize {
        match self {
            Self::Untyped | Self::SchedContext => size_bits,
            Self::CNode => size_bits + SLOT_BITS,
            Self::Tcb => TCB_BITS,
            Self::Endpoint => ENDPOINT_BITS,
            Self::Notification => NOTIFICATION_BITS,
            Self::Reply => REPLY_BITS,
            Self::HugePage => HUGE_PAGE_BITS,
            Self::VSpace => VSPACE_BITS,
            Self::SmallPage => PAGE_BITS,
            Self::LargePage => LARGE_PAGE_BITS,
            Self::PageTable => PAGE_TABLE_BITS,
        }
    }
}

const _: () = {
    assert!(ObjectType::ALL.len() == OBJECT_TYPE_COUNT);
    assert!(ObjectType::HugePage as usize == NON_ARCH_OBJECT_TYPE_COUNT);
    assert!(ObjectType::SmallPage as usize == MODE_OBJECT_TYPE_COUNT);
    assert!(CORE_SCHED_CONTEXT_BYTES <= 1 << MIN_SCHED_CONTEXT_BITS);
    assert!(PAGE_TABLE_INDEX_BITS + crate::WORD_SIZE_BITS == PAGE_TABLE_BITS);
    assert!(VSPACE_INDEX_BITS + crate::WORD_SIZE_BITS == VSPACE_BITS);
    assert!(ASID_POOL_INDEX_BITS + crate::WORD_SIZE_BITS == ASID_POOL_BITS);
    assert!(max_extra_refills(MIN_SCHED_CONTEXT_BITS) == 0 && max_extra_refills(8) == 8);
};
