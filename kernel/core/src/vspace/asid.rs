//! Address space identifiers: pools of 512, each entry the root of the address space that has it.

use sel4_abi::object::{ASID_POOL_INDEX_BITS, NUM_ASID_POOLS_BITS};

use crate::cap::Cap;
use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::invoke::error::InvocationError;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::TcbSlot;
use crate::object::{PhysAddr, Tcb};

const POOLS: usize = 1 << NUM_ASID_POOLS_BITS;
/// Identifiers per pool.
pub const POOL_SIZE: u64 = 1 << ASID_POOL_INDEX_BITS;

/// The pools in use.
#[cfg_attr(test, derive(Clone))]
pub struct AsidTable {
    pools: [PhysAddr; POOLS],
}

impl Default for AsidTable {
    fn default() -> Self {
        Self::new()
    }
}

impl AsidTable {
    /// No pools.
    pub const fn new() -> Self {
        Self { pools: [0; POOLS] }
    }

    /// The pool an identifier belongs to; 0 if none.
    #[inline]
    pub fn pool(&self, asid: u16) -> PhysAddr {
        self.pools[asid as usize >> ASID_POOL_INDEX_BITS]
    }

    /// Enters (or with 0, removes) the pool that begins with `base`.
    pub fn set_pool(&mut self, base: u16, at: PhysAddr) {
        self.pools[base as usize >> ASID_POOL_INDEX_BITS] = at;
    }

    /// First identifier of a range without a pool.
    pub fn free_base(&self) -> Option<u16> {
        self.pools
            .iter()
            .position(|&at| at == 0)
            .map(|index| (index << ASID_POOL_INDEX_BITS) as u16)
    }
}

impl<M: Machine> Kernel<M> {
    /// Root of the address space that has `asid`.
    #[inline]
    pub(crate) fn vspace_of(&self, asid: u16) -> Option<PhysAddr> {
        let pool = self.asids.pool(asid);
        if asid == 0 || pool == 0 {
            return None;
        }
        Some(self.m.load(pool, 8 * (asid as u64 % POOL_SIZE))).filter(|&root| root != 0)
    }

    /// Enters an address space under an identifier.
    pub(crate) fn set_vspace_of(&mut self, asid: u16, root: PhysAddr) {
        let pool = self.asids.pool(asid);
        if pool != 0 {
            self.m.store(pool, 8 * (asid as u64 % POOL_SIZE), root);
        }
    }

    /// Installs an empty pool.
    pub fn add_asid_pool(&mut self, base: u16, at: PhysAddr) {
        self.asids.set_pool(base, at);
    }

    /// Gives an address space an identifier (at boot).
    pub fn assign_asid(&mut self, asid: u16, root: PhysAddr) {
        self.set_vspace_of(asid, root);
    }

    /// Selects the thread's address space, or the empty one if it has none that is valid.
    #[inline]
    pub(crate) fn use_vspace_of(&mut self, thread: Tcb) {
        match self.m.cap(thread.slot(TcbSlot::VSpace)) {
            Cap::VSpace { at, asid } if self.vspace_of(asid) == Some(at) => self.m.use_vspace(Some(at), asid),
            _ => self.m.use_vspace(None, 0),
        }
    }

    /// The current thread's address space may be gone: selects what is there now.
    pub(crate) fn refresh_vspace(&mut self) {
        match self.current {
            Some(thread) => self.use_vspace_of(thread),
            None => self.m.use_vspace(None, 0),
        }
    }

    /// An address space dies: its identifier is free.
    pub(crate) fn drop_vspace(&mut self, root: PhysAddr, asid: u16) {
        if self.vspace_of(asid) == Some(root) {
            self.m.flush_asid(asid);
            self.set_vspace_of(asid, 0);
            self.refresh_vspace();
        }
    }

    /// A pool dies: all its address spaces lose their identifiers.
    pub(crate) fn drop_asid_pool(&mut self, at: PhysAddr, base: u16) {
        if self.asids.pool(base) != at {
            return;
        }
        for index in 0..POOL_SIZE {
            if self.m.load(at, 8 * index) != 0 {
                self.m.flush_asid(base + index as u16);
            }
        }
        self.asids.set_pool(base, 0);
        self.refresh_vspace();
    }

    /// Root and identifier of an address space capability that is in use.
    pub(crate) fn valid_vspace(&self, cap: Cap, number: u64) -> Result<(PhysAddr, u16), InvocationError> {
        let Cap::VSpace { at, asid } = cap else {
            return Err(InvocationError::InvalidCapability(number));
        };
        if asid == 0 {
            return Err(InvocationError::InvalidCapability(number));
        }
        match self.vspace_of(asid) {
            None => Err(InvocationError::FailedLookup {
                source: false,
                cause: LookupFault::InvalidRoot,
            }),
            Some(root) if root != at => Err(InvocationError::InvalidCapability(number)),
            Some(root) => Ok((root, asid)),
        }
    }
}
