//! A place for a generation: its memory and the slots of root's CNode that it may fill.

use driver_package::resources::CNODE_BITS;
use root::chunks::{CHUNK_BITS, CHUNKS, GENERATION_BITS, Objects};
use root::window::Window;
use sel4::{AbsoluteCPtr, CapTypeForObjectOfFixedSize, ObjectBlueprint, VmAttributes, cap, cap_type};
use system_spec::spec::Rights;

use crate::shell::Failure;
use crate::shell::memory::{Memory, map_now, retype};

/// Slots for frames of a window.
const FRAMES: u64 = 512;
/// Slots for kernel objects: those named below, and page tables.
const OBJECTS: u64 = 64;

/// Objects of a generation, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Object {
    Vspace = 0,
    Cnode = 1,
    Tcb = 2,
    SchedContext = 3,
    IpcBuffer = 4,
    Resources = 5,
    FirstTable = 6,
}

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Frames of the window that exist and are mapped at the stager.
    Frames(u64),
    /// Kernel objects are next.
    Objects,
    /// Pages of the window that have moved from the stager to the driver.
    Pages(u64),
    /// Data: region and page to map next.
    Data(usize, u64),
    /// Links, resources and thread are next.
    Thread,
    /// Nothing left to do.
    Complete,
}

/// What is being built, or was.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    pub window: Window,
    pub objects: Objects,
    pub cursor: Cursor,
    pub tables: u64,
    pub copies: u64,
    /// Taking back: copies deleted, chunks revoked.
    pub deleted: u64,
    pub revoked: usize,
}

/// A place.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// First of the chunks' untypeds.
    pub chunks: u64,
    /// Physical address of the first chunk.
    pub paddr: u64,
    /// Slots of the window's frames.
    pub frames: u64,
    /// Slots of kernel objects.
    pub objects: u64,
    /// Slots of copies of shared frames, and how many there are.
    pub copies: u64,
    pub copies_max: u64,
    /// Slots of copies of register frames, and how many there are.
    pub registers: u64,
    pub register_pages: u64,
    /// Where its thread's faults go.
    pub fault_ep: u64,
    pub build: Option<Build>,
}

impl Place {
    /// Before it is created.
    pub const EMPTY: Self = Self {
        chunks: 0,
        paddr: 0,
        frames: 0,
        objects: 0,
        copies: 0,
        copies_max: 0,
        registers: 0,
        register_pages: 0,
        fault_ep: 0,
        build: None,
    };

    /// Carves the memory.
    pub fn create(
        memory: &mut Memory,
        copies: u64,
        register_pages: u64,
        fault_ep: u64,
    ) -> Result<Self, Failure> {
        let whole = ObjectBlueprint::Untyped {
            size_bits: GENERATION_BITS as usize,
        };
        let whole = memory.objects(whole, 1)?;
        let chunks = memory.slots(CHUNKS as u64)?;
        let chunk = ObjectBlueprint::Untyped {
            size_bits: CHUNK_BITS as usize,
        };
        retype(whole.slot, chunk, chunks, CHUNKS as u64)?;
        Ok(Self {
            chunks,
            paddr: whole.paddr,
            frames: memory.slots(FRAMES)?,
            objects: memory.slots(OBJECTS)?,
            copies: memory.slots(copies)?,
            copies_max: copies,
            registers: memory.slots(register_pages)?,
            register_pages,
            fault_ep,
            build: None,
        })
    }

    /// Slot of an object.
    pub fn object(&self, object: Object) -> u64 {
        self.objects + object as u64
    }
    /// Its thread.
    pub fn tcb(&self) -> cap::Tcb {
        cap::Tcb::from_bits(self.object(Object::Tcb))
    }
    /// Its address space.
    pub fn vspace(&self) -> cap::VSpace {
        cap::VSpace::from_bits(self.object(Object::Vspace))
    }
    /// A slot of the driver's CSpace.
    pub fn driver_slot(&self, index: u64) -> AbsoluteCPtr {
        let cnode = cap::CNode::from_bits(self.object(Object::Cnode));
        cnode.absolute_cptr_from_bits_with_depth(index, CNODE_BITS as usize)
    }

    /// Creates an object in the memory of this generation.
    pub fn make(&self, build: &mut Build, blueprint: ObjectBlueprint, object: u64) -> sel4::Result<()> {
        let chunk = build.objects.place(blueprint.physical_size_bits() as u32);
        let chunk = chunk.ok_or(sel4::Error::NotEnoughMemory)? as u64;
        retype(self.chunks + chunk, blueprint, self.objects + object, 1)
    }

    /// Maps a frame into the generation's address space, and creates the page tables that it needs.
    pub fn map(
        &self,
        build: &mut Build,
        frame: u64,
        vaddr: u64,
        rights: Rights,
        cached: bool,
    ) -> sel4::Result<()> {
        loop {
            match map_now(frame, self.vspace(), vaddr as usize, rights, cached) {
                Err(sel4::Error::FailedLookup) => {
                    let table = Object::FirstTable as u64 + build.tables;
                    if table >= OBJECTS {
                        return Err(sel4::Error::NotEnoughMemory);
                    }
                    self.make(build, cap_type::PT::object_blueprint(), table)?;
                    build.tables += 1;
                    let table = cap::PT::from_bits(self.objects + table);
                    table.pt_map(self.vspace(), vaddr as usize, VmAttributes::DEFAULT)?;
                }
                result => return result,
            }
        }
    }

    /// The next free slot for a copy of a shared frame.
    pub fn next_copy(&self, build: &mut Build) -> sel4::Result<u64> {
        if build.copies >= self.copies_max {
            return Err(sel4::Error::NotEnoughMemory);
        }
        build.copies += 1;
        Ok(self.copies + build.copies - 1)
    }
}
