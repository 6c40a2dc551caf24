//! Slots, objects and mappings: taken in order, never given back.

use sel4::init_thread::slot;
use sel4::{
    AbsoluteCPtr, Cap, CapRights, CapType, CapTypeForObjectOfFixedSize, Error, ObjectBlueprint, VmAttributes,
    cap, cap_type,
};

/// Where frames are mapped: an address whose translation tables do not exist yet, at any level.
const WINDOW: usize = 0x80_0000_0000;

/// What the program takes from.
pub struct Memory<'a> {
    bootinfo: &'a sel4::BootInfoPtr,
    next_slot: usize,
    next_address: usize,
    untyped: cap::Untyped,
}

impl<'a> Memory<'a> {
    /// Takes from the largest untyped.
    pub fn new(bootinfo: &'a sel4::BootInfoPtr) -> Self {
        let list = bootinfo.untyped_list();
        let largest = bootinfo
            .kernel_untyped_range()
            .max_by_key(|&i| list[i].size_bits());
        let largest = largest.expect("a root task without memory");
        Self {
            bootinfo,
            next_slot: bootinfo.empty().start(),
            next_address: WINDOW,
            untyped: bootinfo.untyped().index(largest).cap(),
        }
    }

    /// Whether this is the untyped that it takes from.
    pub fn takes_from(&self, untyped: cap::Untyped) -> bool {
        self.untyped.bits() == untyped.bits()
    }

    /// An empty slot.
    pub fn slot<T: CapType>(&mut self) -> Cap<T> {
        assert!(self.next_slot < self.bootinfo.empty().end());
        let cap = Cap::from_bits(self.next_slot as sel4::CPtrBits);
        self.next_slot += 1;
        cap
    }

    /// Retypes one object out of `untyped`.
    pub fn retype<T: CapType>(
        &mut self,
        untyped: cap::Untyped,
        blueprint: ObjectBlueprint,
    ) -> sel4::Result<Cap<T>> {
        let cap = self.slot();
        let root = slot::CNODE.cap().absolute_cptr_for_self();
        untyped.untyped_retype(&blueprint, &root, cap.bits() as usize, 1)?;
        Ok(cap)
    }

    /// A new object.
    pub fn make<T: CapTypeForObjectOfFixedSize>(&mut self) -> sel4::Result<Cap<T>> {
        self.make_sized(T::object_blueprint())
    }

    /// A new object of that blueprint.
    pub fn make_sized<T: CapType>(&mut self, blueprint: ObjectBlueprint) -> sel4::Result<Cap<T>> {
        self.retype(self.untyped, blueprint)
    }

    /// Maps a frame at the next free address, with the tables it takes.
    pub fn map(
        &mut self,
        frame: cap::SmallPage,
        rights: CapRights,
        attributes: VmAttributes,
    ) -> sel4::Result<usize> {
        let address = self.next_address;
        self.next_address += 0x2000; // A page stays unmapped between any two.
        let vspace = slot::VSPACE.cap();
        loop {
            match frame.frame_map(vspace, address, rights.clone(), attributes) {
                Err(Error::FailedLookup) => {
                    self.make::<cap_type::PT>()?
                        .pt_map(vspace, address, VmAttributes::DEFAULT)?;
                }
                result => return result.map(|()| address),
            }
        }
    }

    /// The device frame at the begin of the device untyped at `paddr`.
    pub fn device_page(&mut self, paddr: usize) -> sel4::Result<cap::SmallPage> {
        let list = self.bootinfo.untyped_list();
        let index = self
            .bootinfo
            .device_untyped_range()
            .find(|&i| list[i].paddr() == paddr);
        let untyped = self
            .bootinfo
            .untyped()
            .index(index.ok_or(Error::InvalidArgument)?)
            .cap();
        self.retype(untyped, cap_type::SmallPage::object_blueprint())
    }
}

/// The slot a capability of ours is in.
pub fn path<T: CapType>(cap: Cap<T>) -> AbsoluteCPtr {
    slot::CNODE.cap().absolute_cptr(cap)
}
