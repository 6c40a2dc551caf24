//! What the kernel puts into the root task's CSpace.

use core::marker::PhantomData;
use core::ops::Range;

use crate::{CPtrBits, Cap, CapType, cap_type};
use sel4_abi::bootinfo;

/// A slot of the root task's CNode, and with it the capability there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<T: CapType = cap_type::Unspecified>(Cap<T>);

impl<T: CapType> Slot<T> {
    /// The capability.
    pub const fn cap(&self) -> Cap<T> {
        self.0
    }

    /// The number of its address.
    pub const fn cptr_bits(&self) -> CPtrBits {
        self.0.bits()
    }

    /// The number of the slot.
    pub const fn index(&self) -> usize {
        self.cptr_bits() as usize
    }
}

/// C: `seL4_SlotRegion`: successive slots with capabilities of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRegion<T: CapType> {
    slots: Range<usize>,
    kind: PhantomData<T>,
}

impl<T: CapType> From<bootinfo::SlotRegion> for SlotRegion<T> {
    fn from(region: bootinfo::SlotRegion) -> Self {
        let slots = region.start as usize..region.end as usize;
        let kind = PhantomData;
        Self { slots, kind }
    }
}

impl<T: CapType> SlotRegion<T> {
    /// Their numbers.
    pub fn range(&self) -> Range<usize> {
        self.slots.clone()
    }

    /// Number of the first.
    pub fn start(&self) -> usize {
        self.slots.start
    }

    /// One more than the number of the last.
    pub fn end(&self) -> usize {
        self.slots.end
    }

    /// One of them; panics if there are no more than `i`.
    pub fn index(&self, i: usize) -> Slot<T> {
        assert!(i < self.slots.len(), "slot {i} of {}", self.slots.len());
        Slot(Cap::from_bits((self.slots.start + i) as CPtrBits))
    }
}

/// The slots that are the same in every system.
pub mod slot {
    use super::Slot;
    use crate::{Cap, cap_type as kind};
    use sel4_abi::bootinfo::InitCap;

    const fn holding<T: crate::CapType>(what: InitCap) -> Slot<T> {
        Slot(Cap::from_bits(what.to_raw()))
    }

    /// Empty for ever: what says "none" where a capability may be left out.
    pub const NULL: Slot<kind::Null> = holding(InitCap::Null);
    /// The root task's thread.
    pub const TCB: Slot<kind::Tcb> = holding(InitCap::InitThreadTcb);
    /// The CNode that these slots are in.
    pub const CNODE: Slot<kind::CNode> = holding(InitCap::InitThreadCNode);
    /// The root task's address space.
    pub const VSPACE: Slot<kind::VSpace> = holding(InitCap::InitThreadVSpace);
    /// Authority over interrupts.
    pub const IRQ_CONTROL: Slot<kind::IrqControl> = holding(InitCap::IrqControl);
    /// Identifiers for the first address spaces.
    pub const ASID_POOL: Slot<kind::AsidPool> = holding(InitCap::InitThreadAsidPool);
    /// The scheduling context the root task runs on.
    pub const SC: Slot<kind::SchedContext> = holding(InitCap::InitThreadSc);
}

/// Suspends the root task's thread, for good.
pub fn suspend_self<T>() -> T {
    // It can only fail if the capability was deleted; then the other end of a thread serves.
    let _ = slot::TCB.cap().tcb_suspend();
    crate::trap()
}
