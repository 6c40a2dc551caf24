//! Slots, objects, and mappings into address spaces.

use root::untyped::{Lack, Untyped, Untypeds};
use sel4::init_thread::slot;
use sel4::{
    AbsoluteCPtr, CapRights, CapTypeForObjectOfFixedSize, ObjectBlueprint, VmAttributes, cap, cap_type,
};
use system_spec::spec::Rights;

use super::Failure;

/// Most objects in one retype (the kernel's limit).
const FAN_OUT: u64 = 256;
/// Where root maps a small page to write it, then unmaps it again. Far from its image.
const SCRATCH: usize = 0x40_0000_0000;
/// The same for a large page.
const SCRATCH_LARGE: usize = 0x40_4000_0000;
/// Where root maps pages for good.
const KEPT: usize = 0x41_0000_0000;

/// Bits of a small page.
pub const PAGE_BITS: u32 = 12;
/// Bytes of a small page.
pub const PAGE: usize = 1 << PAGE_BITS;

/// What root has left.
pub struct Memory {
    untypeds: Untypeds,
    next_slot: u64,
    end_slot: u64,
    next_kept: usize,
}

/// Objects of one kind in successive slots.
#[derive(Clone, Copy, Debug)]
pub struct Objects {
    /// Slot of the first.
    pub slot: u64,
    /// Physical address of the first; they are contiguous.
    pub paddr: u64,
}

/// The path of a slot of root's CNode.
pub fn path(slot: u64) -> AbsoluteCPtr {
    slot::CNODE.cap().absolute_cptr(sel4::CPtr::from_bits(slot))
}

/// Retypes `count` objects into successive slots of root's CNode.
pub fn retype(untyped: u64, blueprint: ObjectBlueprint, slot: u64, count: u64) -> sel4::Result<()> {
    let root = slot::CNODE.cap().absolute_cptr_for_self();
    cap::Untyped::from_bits(untyped).untyped_retype(&blueprint, &root, slot as usize, count as usize)
}

/// The object type of a page of this many bits.
fn frame_blueprint(page_bits: u32) -> ObjectBlueprint {
    if page_bits == PAGE_BITS {
        cap_type::SmallPage::object_blueprint()
    } else {
        cap_type::LargePage::object_blueprint()
    }
}

/// Maps a frame if its tables exist.
pub fn map_now(
    frame: u64,
    vspace: cap::VSpace,
    vaddr: usize,
    rights: Rights,
    cached: bool,
) -> sel4::Result<()> {
    let cap_rights = if rights.write {
        CapRights::read_write()
    } else {
        CapRights::read_only()
    };
    let memory = if cached {
        VmAttributes::DEFAULT
    } else {
        VmAttributes::NONE
    };
    let attributes = if rights.execute {
        memory
    } else {
        memory | VmAttributes::EXECUTE_NEVER
    };
    cap::UnspecifiedPage::from_bits(frame).frame_map(vspace, vaddr, cap_rights, attributes)
}

impl Memory {
    /// What the kernel left.
    pub fn new(bootinfo: &sel4::BootInfoPtr) -> Result<Self, Failure> {
        let mut untypeds = Untypeds::new();
        for (index, desc) in bootinfo.untyped_list().iter().enumerate() {
            untypeds.add(Untyped {
                slot: bootinfo.untyped().index(index).cptr_bits(),
                paddr: desc.paddr() as u64,
                size_bits: desc.size_bits() as u32,
                device: desc.is_device(),
                used: 0,
            })?;
        }
        let empty = bootinfo.empty();
        Ok(Self {
            untypeds,
            next_slot: empty.start() as u64,
            end_slot: empty.end() as u64,
            next_kept: KEPT,
        })
    }

    /// Takes `count` successive slots; the first.
    pub fn slots(&mut self, count: u64) -> Result<u64, Failure> {
        let first = self.next_slot;
        let end = first
            .checked_add(count)
            .filter(|&end| end <= self.end_slot)
            .ok_or(Failure::Slots)?;
        self.next_slot = end;
        Ok(first)
    }

    /// Creates `count` contiguous objects.
    pub fn objects(&mut self, blueprint: ObjectBlueprint, count: u64) -> Result<Objects, Failure> {
        let taken = self.untypeds.take(blueprint.physical_size_bits() as u32, count)?;
        let slot = self.slots(count)?;
        retype_all(taken.slot, blueprint, slot, count)?;
        Ok(Objects {
            slot,
            paddr: taken.paddr,
        })
    }

    /// Creates one object; its slot.
    pub fn object(&mut self, blueprint: ObjectBlueprint) -> Result<u64, Failure> {
        Ok(self.objects(blueprint, 1)?.slot)
    }

    /// Creates `count` contiguous frames.
    pub fn frames(&mut self, page_bits: u32, count: u64) -> Result<Objects, Failure> {
        self.objects(frame_blueprint(page_bits), count)
    }

    /// Creates frames at a physical address. Addresses have to be asked for in ascending order.
    pub fn frames_at(&mut self, paddr: u64, page_bits: u32, count: u64) -> Result<Objects, Failure> {
        while let Some(gap) = self.untypeds.gap(paddr, page_bits, count)? {
            let slot = self.slots(1)?;
            let blueprint = ObjectBlueprint::Untyped {
                size_bits: gap.size_bits as usize,
            };
            retype(gap.slot, blueprint, slot, 1)?;
            self.reuse(slot, &gap, paddr)?;
        }
        let taken = self.untypeds.take_at(paddr, page_bits, count)?;
        let slot = self.slots(count)?;
        retype_all(taken.slot, frame_blueprint(page_bits), slot, count)?;
        Ok(Objects { slot, paddr })
    }

    /// What was split off before a placed region is memory like any other, if it is worth it and no register.
    fn reuse(&mut self, slot: u64, gap: &root::untyped::Gap, before: u64) -> Result<(), Lack> {
        let parent = self
            .untypeds
            .iter()
            .find(|untyped| untyped.slot == gap.slot)
            .copied();
        match parent {
            Some(parent) if !parent.device && gap.size_bits >= PAGE_BITS => {
                let paddr = parent.paddr + parent.used - (1 << gap.size_bits);
                debug_assert!(paddr < before);
                self.untypeds.add(Untyped {
                    slot,
                    paddr,
                    size_bits: gap.size_bits,
                    device: false,
                    used: 0,
                })
            }
            _ => Ok(()),
        }
    }

    /// A copy of a capability in root's CNode; its slot.
    pub fn copy(&mut self, of: u64) -> Result<u64, Failure> {
        let slot = self.slots(1)?;
        path(slot).copy(&path(of), CapRights::all())?;
        Ok(slot)
    }

    /// A badged copy in root's CNode; its slot.
    pub fn mint(&mut self, of: u64, rights: CapRights, badge: u64) -> Result<u64, Failure> {
        let slot = self.slots(1)?;
        path(slot).mint(&path(of), rights, badge)?;
        Ok(slot)
    }

    /// Maps a frame, and creates the page tables that it needs.
    pub fn map(
        &mut self,
        frame: u64,
        vspace: cap::VSpace,
        vaddr: usize,
        rights: Rights,
        cached: bool,
    ) -> Result<(), Failure> {
        loop {
            match map_now(frame, vspace, vaddr, rights, cached) {
                Err(sel4::Error::FailedLookup) => self.table(vspace, vaddr)?,
                result => return Ok(result?),
            }
        }
    }

    /// Creates the next missing page table for an address.
    fn table(&mut self, vspace: cap::VSpace, vaddr: usize) -> Result<(), Failure> {
        let table = self.object(cap_type::PT::object_blueprint())?;
        Ok(cap::PT::from_bits(table).pt_map(vspace, vaddr, VmAttributes::DEFAULT)?)
    }

    /// Creates all page tables for a small page at an address, without mapping one.
    pub fn tables(&mut self, vspace: cap::VSpace, vaddr: usize) -> Result<(), Failure> {
        let frame = self.frames(PAGE_BITS, 1)?.slot;
        self.map(
            frame,
            vspace,
            vaddr,
            Rights {
                write: false,
                execute: false,
            },
            true,
        )?;
        cap::UnspecifiedPage::from_bits(frame).frame_unmap()?;
        Ok(())
    }

    /// Maps a frame at root for good; its address.
    pub fn keep(&mut self, frame: u64) -> Result<*mut u8, Failure> {
        let vaddr = self.next_kept;
        self.next_kept += PAGE;
        self.map(
            frame,
            slot::VSPACE.cap(),
            vaddr,
            Rights {
                write: true,
                execute: false,
            },
            true,
        )?;
        Ok(vaddr as *mut u8)
    }

    /// Writes into a frame that is mapped nowhere. `unify` makes it fit to be executed.
    pub fn fill(
        &mut self,
        frame: u64,
        page_bits: u32,
        offset: usize,
        bytes: &[u8],
        unify: bool,
    ) -> Result<(), Failure> {
        let vaddr = if page_bits == PAGE_BITS {
            SCRATCH
        } else {
            SCRATCH_LARGE
        };
        if offset
            .checked_add(bytes.len())
            .is_none_or(|end| end > 1 << page_bits)
        {
            return Err(Failure::Reference);
        }
        self.map(
            frame,
            slot::VSPACE.cap(),
            vaddr,
            Rights {
                write: true,
                execute: false,
            },
            true,
        )?;
        // SAFETY: the frame was mapped there for writing by the line before, `offset + len` is within it, and nothing of
        // ours lies at the scratch addresses.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), (vaddr as *mut u8).add(offset), bytes.len())
        };
        let page = cap::UnspecifiedPage::from_bits(frame);
        if unify {
            page.frame_unify_instruction(0, 1 << page_bits)?;
        }
        Ok(page.frame_unmap()?)
    }
}

/// Writes into a small frame that is mapped nowhere, once [`Memory::fill`] has made the tables.
pub fn fill_now(frame: u64, bytes: &[u8]) -> sel4::Result<()> {
    let bytes = &bytes[..bytes.len().min(PAGE)];
    map_now(
        frame,
        slot::VSPACE.cap(),
        SCRATCH,
        Rights {
            write: true,
            execute: false,
        },
        true,
    )?;
    // SAFETY: the frame was mapped there for writing by the line before, and is not longer than `bytes`; nothing of ours
    // lies at the scratch address.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), SCRATCH as *mut u8, bytes.len()) };
    cap::UnspecifiedPage::from_bits(frame).frame_unmap()
}

fn retype_all(untyped: u64, blueprint: ObjectBlueprint, slot: u64, count: u64) -> sel4::Result<()> {
    let mut done = 0;
    while done < count {
        let now = (count - done).min(FAN_OUT);
        retype(untyped, blueprint, slot + done, now)?;
        done += now;
    }
    Ok(())
}
