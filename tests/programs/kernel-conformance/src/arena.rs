//! Where tests get memory, slots and addresses from, and how all of it is taken back.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::api::{self, CNODE, Slot, VSPACE};
use crate::sys::{self, Cap};
use sel4_abi::error::Error;
use sel4_abi::object::ObjectType;

/// A 2 MiB window of addresses whose tables are there from the start.
pub const WINDOW: u64 = 0x80_0000_0000;
/// Where the UART is mapped if the kernel does not print.
pub const UART_ADDRESS: u64 = WINDOW;
/// The IPC buffer of the thread that runs a test.
pub const RUNNER_BUFFER: u64 = WINDOW + 0x1_0000;
/// The IPC buffers of further threads, a page each.
pub const WORKER_BUFFERS: u64 = WINDOW + 0x2_0000;
/// Pages that tests map, every other one.
pub const SCRATCH: u64 = WINDOW + 0x10_0000;
/// Addresses nothing is mapped at and no table exists for, at any level.
pub const VOID: u64 = 0x100_0000_0000;

/// log2 of the bytes every test can use.
const ARENA_BITS: u64 = 23;
/// Slots kept for what lasts.
const PERMANENT_SLOTS: u64 = 64;

/// The untyped of the running test.
static MEMORY: AtomicU64 = AtomicU64::new(0);
/// The scheduling control capability.
static CONTROL: AtomicU64 = AtomicU64::new(0);
/// First slot of tests.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// First slot the running test has not taken.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// The frame at `RUNNER_BUFFER`.
static RUNNER_FRAME: AtomicU64 = AtomicU64::new(0);
/// Address of the boot info frame.
static BOOTINFO: AtomicU64 = AtomicU64::new(0);

/// The memory of the running test.
pub fn memory() -> Cap {
    MEMORY.load(Relaxed)
}

/// The scheduling control capability.
pub fn control() -> Cap {
    CONTROL.load(Relaxed)
}

/// The frame at [`RUNNER_BUFFER`].
pub fn runner_frame() -> Cap {
    RUNNER_FRAME.load(Relaxed)
}

/// An empty slot of the root CNode.
pub fn slot() -> Cap {
    NEXT.fetch_add(1, Relaxed)
}

/// What the kernel told the root task.
pub fn bootinfo() -> &'static sel4_abi::bootinfo::BootInfo {
    let address = BOOTINFO.load(Relaxed) as usize;
    // SAFETY: `Arena::new` stored the address of the frame that the kernel filled; nobody writes or unmaps it.
    unsafe { &*(address as *const sel4_abi::bootinfo::BootInfo) }
}

/// Whether the device tree says that PSCI is called by SMC: then somebody takes such calls.
pub fn has_firmware() -> bool {
    const METHOD: u32 = u32::from_le_bytes(*b"smc\0");
    let info = bootinfo();
    let begin = core::ptr::from_ref(info) as u64 + 0x1000;
    (0..info.extra_len / 4).any(|word| {
        // SAFETY: the kernel mapped `extra_len` bytes there, page-aligned; a property's value begins at a word.
        unsafe { ((begin + word * 4) as *const u32).read_volatile() == METHOD }
    })
}

/// What lasts longer than a test.
pub struct Arena {
    untyped: Cap,
    next: Cap,
}

impl Arena {
    /// Takes the largest untyped apart.
    pub fn new(bootinfo: &sel4::BootInfoPtr) -> Self {
        BOOTINFO.store(bootinfo.ptr() as u64, Relaxed);
        sys::enter(bootinfo.ipc_buffer() as u64);
        CONTROL.store(bootinfo.sched_control().start() as u64, Relaxed);
        let list = bootinfo.untyped_list();
        let largest = bootinfo
            .kernel_untyped_range()
            .max_by_key(|&i| list[i].size_bits())
            .expect("a root task without memory");
        let mut arena = Self {
            untyped: bootinfo.untyped().index(largest).cptr_bits(),
            next: bootinfo.empty().start() as u64,
        };
        FIRST.store(arena.next + PERMANENT_SLOTS, Relaxed);
        NEXT.store(arena.next + PERMANENT_SLOTS, Relaxed);
        MEMORY.store(arena.make(ObjectType::Untyped, ARENA_BITS), Relaxed);
        for _ in 0..3 {
            let table = arena.make(ObjectType::PageTable, 0);
            assert_eq!(api::page_table_map(table, VSPACE, WINDOW, 3).label, 0);
        }
        let frame = arena.make(ObjectType::SmallPage, 0);
        RUNNER_FRAME.store(frame, Relaxed);
        assert_eq!(api::page_map(frame, VSPACE, RUNNER_BUFFER, 3, 7).label, 0);
        arena
    }

    /// A permanent slot.
    pub fn slot(&mut self) -> Cap {
        self.next += 1;
        self.next - 1
    }

    /// A permanent object.
    pub fn make(&mut self, ty: ObjectType, size: u64) -> Cap {
        let cap = self.slot();
        let answer = api::untyped_retype(self.untyped, ty.to_raw(), size, Slot(CNODE, 0, 0), cap, 1);
        assert_eq!(answer.label, 0);
        cap
    }

    /// Maps the first page of the device untyped at `paddr`; false if there is none.
    pub fn map_device_page(&mut self, paddr: u64, address: u64) -> bool {
        let list = &bootinfo().untyped_list;
        let Some(index) = list
            .iter()
            .position(|desc| desc.paddr == paddr && desc.is_device != 0)
        else {
            return false;
        };
        let untyped = bootinfo().untyped.start + index as u64;
        let frame = self.slot();
        let ty = ObjectType::SmallPage.to_raw();
        api::untyped_retype(untyped, ty, 0, Slot(CNODE, 0, 0), frame, 1).label == 0
            && api::page_map(frame, VSPACE, address, 3, 4).label == 0
    }

    /// Destroys everything a test made.
    pub fn reset(&mut self) -> bool {
        let revoked = api::cnode_revoke(api::root(memory())).label == 0;
        let mut deleted = true;
        for cap in FIRST.load(Relaxed)..NEXT.load(Relaxed) {
            deleted &= api::cnode_delete(api::root(cap)).label == 0;
        }
        NEXT.store(FIRST.load(Relaxed), Relaxed);
        revoked && deleted
    }
}

/// Retypes one object out of `untyped` into a new slot.
pub fn retype_from(untyped: Cap, ty: ObjectType, size: u64) -> Result<Cap, sys::Answer> {
    let cap = slot();
    let answer = api::untyped_retype(untyped, ty.to_raw(), size, Slot(CNODE, 0, 0), cap, 1);
    if answer.label == 0 { Ok(cap) } else { Err(answer) }
}

/// Whether a slot of the root CNode is empty.
pub fn is_empty(cap: Cap) -> bool {
    // An occupied destination is refused with delete-first; into an empty one a copy goes, which is deleted again.
    let answer = api::cnode_copy(api::root(cap), api::root(CNODE), api::ALL);
    if answer.label == 0 {
        let _ = api::cnode_delete(api::root(cap));
    }
    answer.label != Error::DeleteFirst.to_raw()
}
