//! What the kernel puts into the root task's CSpace before its first instruction.

use core::marker::PhantomData;
use core::ops::Range;

use crate::{CPtr, CPtrBits, Cap, CapType, cap_type, sys};

/// A slot of the root task's CNode, by number.
#[derive(Debug, Copy, Clone, Ord, PartialOrd, Eq, PartialEq, Hash)]
pub struct Slot<T: CapType = cap_type::Unspecified> {
    index: usize,
    _phantom: PhantomData<T>,
}

impl<T: CapType> Slot<T> {
    /// The slot with that index.
    pub const fn from_index(index: usize) -> Self {
        Self {
            index,
            _phantom: PhantomData,
        }
    }

    /// Its index.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Raw bits of a pointer to it.
    pub const fn cptr_bits(&self) -> CPtrBits {
        self.index as CPtrBits
    }

    /// A pointer to it.
    pub const fn cptr(&self) -> CPtr {
        CPtr::from_bits(self.cptr_bits())
    }

    /// A marked pointer to it.
    pub const fn cap(&self) -> Cap<T> {
        self.cptr().cast()
    }

    /// Marks it as another kind.
    pub const fn cast<T1: CapType>(&self) -> Slot<T1> {
        Slot::from_index(self.index)
    }

    /// Marks it as any kind.
    pub const fn upcast(&self) -> Slot {
        self.cast()
    }
}

impl Slot {
    /// Marks it as a certain kind.
    pub const fn downcast<T: CapType>(&self) -> Slot<T> {
        self.cast()
    }
}

/// C: `seL4_SlotRegion`.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct SlotRegion<T: CapType> {
    range: Range<usize>,
    _phantom: PhantomData<T>,
}

#[allow(clippy::len_without_is_empty)] // As upstream.
impl<T: CapType> SlotRegion<T> {
    pub(crate) const fn from_sys(sys: sys::seL4_SlotRegion) -> Self {
        Self {
            range: sys.start as usize..sys.end as usize,
            _phantom: PhantomData,
        }
    }

    /// First slot.
    pub const fn start(&self) -> usize {
        self.range.start
    }

    /// First slot after the region.
    pub const fn end(&self) -> usize {
        self.range.end
    }

    /// The indexes.
    pub const fn range(&self) -> Range<usize> {
        self.start()..self.end()
    }

    /// Number of slots.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// The `i`-th slot; panics if there is none.
    pub fn index(&self, i: usize) -> Slot<T> {
        assert!(i < self.len());
        Slot::from_index(self.range.start + i)
    }
}

/// The slots of `seL4_Cap*`.
pub mod slot {
    use super::{Slot, cap_type};
    use sel4_abi::bootinfo::InitCap;

    macro_rules! slots {
        ($($name:ident: $cap_type:ident = $init_cap:ident;)*) => {
            $(
                #[doc = concat!("The slot [`InitCap::", stringify!($init_cap), "`].")]
                pub const $name: Slot<cap_type::$cap_type> = Slot::from_index(InitCap::$init_cap as usize);
            )*
        };
    }

    slots! {
        NULL: Null = Null;
        TCB: Tcb = InitThreadTcb;
        CNODE: CNode = InitThreadCNode;
        VSPACE: VSpace = InitThreadVSpace;
        IRQ_CONTROL: IrqControl = IrqControl;
        ASID_CONTROL: AsidControl = AsidControl;
        ASID_POOL: AsidPool = InitThreadAsidPool;
        IO_PORT_CONTROL: Null = IoPortControl;
        BOOT_INFO_FRAME: Granule = BootInfoFrame;
        IPC_BUFFER: Granule = InitThreadIpcBuffer;
        DOMAIN_SET: DomainSet = Domain;
        SC: SchedContext = InitThreadSc;
        SMC: Null = Smc;
    }
}

/// Stops the initial thread for good.
pub fn suspend_self<T>() -> T {
    let result = slot::TCB.cap().tcb_suspend();
    unreachable!("suspended thread runs: {result:?}")
}
