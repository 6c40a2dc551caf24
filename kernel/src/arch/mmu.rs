//! The kernel's own address space: a window onto physical memory, its image in it with the rights of each section.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::ops::Range;

use kernel_core::vspace::descriptor::{kernel_frame, table};
use sel4_abi::platform::{GIC_DISTRIBUTOR, KERNEL_PHYS_BASE, UART};

use super::{kernel_end, kernel_rodata_end, kernel_stack_guard, kernel_text_end, own_memory, phys_of};

const GIB: u64 = 1 << 30;
const BLOCK: u64 = 2 << 20;
const PAGE: u64 = 4096;
/// The window is the last of the 512 entries of the root.
const WINDOW_INDEX: usize = 511;
/// Up to here the window is mapped until the size of RAM is known.
const FIRST_GUESS: u64 = 16 * GIB;

/// As the loader has them: 0 nGnRnE, 1 nGnRE, 2 GRE, 3 non-cacheable, 4 write-back, 5 write-through.
const MAIR: u64 = 0x0000_aaff_440c_0400;
/// 48-bit halves, 4 KiB granules, cacheable inner shareable walks, 16-bit ASIDs taken from TTBR0, 40-bit physical.
const TCR: u64 =
    16 | 16 << 16 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30 | 2 << 32 | 1 << 36;

#[repr(C, align(4096))]
struct Table([u64; 512]);

#[repr(C, align(4096))]
struct Tables {
    root: Table,
    /// The window: an entry per gigabyte.
    window: Table,
    /// The gigabyte with the devices.
    devices: Table,
    /// The gigabyte with the kernel.
    own: Table,
    /// The two megabytes with the kernel.
    image: Table,
    /// The last gigabyte of RAM, if it is not whole.
    last: Table,
    /// What user level sees without an address space: nothing.
    empty: Table,
}

const NO_TABLE: Table = Table([0; 512]);

struct Static(UnsafeCell<Tables>);

// SAFETY: only the boot code touches the tables, on one core.
unsafe impl Sync for Static {}

static TABLES: Static = Static(UnsafeCell::new(Tables {
    root: NO_TABLE,
    window: NO_TABLE,
    devices: NO_TABLE,
    own: NO_TABLE,
    image: NO_TABLE,
    last: NO_TABLE,
    empty: NO_TABLE,
}));

fn physical(table: &Table) -> u64 {
    phys_of(table as *const Table as u64)
}

fn normal(at: u64, level: u32) -> u64 {
    kernel_frame(at, level, true, false, false)
}

/// Physical address of the root that maps nothing.
pub fn empty_root() -> u64 {
    // SAFETY: only its address is used.
    physical(unsafe { &(*TABLES.0.get()).empty })
}

/// Leaves the loader's address space for one that maps all memory there might be.
pub fn enable_whole_window() {
    // SAFETY: boot code, on one core: no other reference exists.
    let tables = unsafe { &mut *TABLES.0.get() };
    tables.root.0[WINDOW_INDEX] = table(physical(&tables.window));
    tables.window.0[0] = table(physical(&tables.devices));
    for at in [GIC_DISTRIBUTOR, UART] {
        tables.devices.0[(at / BLOCK) as usize] = kernel_frame(at / BLOCK * BLOCK, 2, true, false, true);
    }
    for at in (KERNEL_PHYS_BASE..FIRST_GUESS).step_by(GIB as usize) {
        tables.window.0[(at / GIB) as usize] = normal(at, 1);
    }
    tables.window.0[(KERNEL_PHYS_BASE / GIB) as usize] = table(physical(&tables.own));
    for (index, entry) in tables.own.0.iter_mut().enumerate() {
        *entry = normal(KERNEL_PHYS_BASE + index as u64 * BLOCK, 2);
    }
    // More than the image's two megabytes is not possible, see the assertion below.
    tables.own.0[0] = table(physical(&tables.image));
    for (index, entry) in tables.image.0.iter_mut().enumerate() {
        *entry = page(KERNEL_PHYS_BASE + index as u64 * PAGE);
    }
    assert!(own_memory().end <= KERNEL_PHYS_BASE + BLOCK);
    switch(physical(&tables.root), physical(&tables.empty));
}

/// The entry of a page of the kernel's two megabytes, with the rights of its section.
fn page(at: u64) -> u64 {
    let text_end = phys_of((&raw const kernel_text_end) as u64);
    let rodata_end = phys_of((&raw const kernel_rodata_end) as u64);
    let guard = phys_of((&raw const kernel_stack_guard) as u64);
    match at {
        _ if at < text_end => kernel_frame(at, 3, false, true, false),
        _ if at < rodata_end => kernel_frame(at, 3, false, false, false),
        _ if at == guard => 0,
        _ => normal(at, 3),
    }
}

/// Installs the kernel's tables; what was mapped by the loader's is gone.
fn switch(root: u64, user: u64) {
    // SAFETY: `root` maps the code that runs, its stack and static data at the addresses they have now, with
    // attributes that mean the same as in the loader's tables (same MAIR layout).
    unsafe {
        asm!(
            "dsb ish",
            "msr mair_el1, {mair}",
            "msr ttbr1_el1, {root}",
            "isb",
            "msr ttbr0_el1, {user}",
            "msr tcr_el1, {tcr}",
            "isb",
            "tlbi vmalle1",
            "dsb ish",
            "isb",
            mair = in(reg) MAIR,
            root = in(reg) root,
            user = in(reg) user,
            tcr = in(reg) TCR,
            options(nostack)
        );
    }
}

/// Cuts the window down to the RAM there is.
pub fn map_exactly(ram: &Range<u64>) {
    // SAFETY: boot code, on one core: no other reference exists.
    let tables = unsafe { &mut *TABLES.0.get() };
    let last_whole = ram.end / GIB * GIB;
    for index in 1..512u64 {
        let at = index * GIB;
        if at == KERNEL_PHYS_BASE {
            for (index, entry) in tables.own.0.iter_mut().enumerate() {
                if at + index as u64 * BLOCK >= ram.end {
                    *entry = 0;
                }
            }
        } else if at < last_whole {
            tables.window.0[index as usize] = normal(at, 1);
        } else if at < ram.end {
            for (index, entry) in tables.last.0.iter_mut().enumerate() {
                let block = at + index as u64 * BLOCK;
                *entry = if block < ram.end { normal(block, 2) } else { 0 };
            }
            tables.window.0[index as usize] = table(physical(&tables.last));
        } else {
            tables.window.0[index as usize] = 0;
        }
    }
    let _ = &raw const kernel_end;
    switch(physical(&tables.root), physical(&tables.empty));
}
