//! The loader: wiring of the rules in the library to the hardware in [`arch`].
#![no_std]
#![no_main]

mod arch;

use arch::{caches, memory, mmu, uart::Uart};
use core::fmt::{self, Display, Write};
use loader::layout::{self, Machine, Plan};
use loader::payload::{Header, Program};
use loader::{ERROR_PREFIX, board, device_tree};

/// First Rust code: `hint` is x0 at reset, `level` the exception level we run at.
#[unsafe(no_mangle)]
extern "C" fn loader_main(hint: u64, level: u64) -> ! {
    if level != 1 {
        fail(&format_args!(
            "started at EL{level}, only EL1 and EL2 are possible"
        ));
    }
    let header = Header::decode(memory::payload_header()).unwrap_or_else(|error| fail(&error));
    let tree = memory::device_tree(hint);
    let tree_bytes = tree.and_then(device_tree::used_bytes).unwrap_or(0);
    let ram = tree
        .and_then(|tree| device_tree::memory_around(tree, header.kernel.phys))
        .unwrap_or(board::RAM_START..board::RAM_START + board::RAM_BYTES);
    let machine = Machine {
        ram,
        loader: memory::loader_start()..memory::payload_start().saturating_add(header.payload_bytes),
        device_tree_bytes: u64::from(tree_bytes),
    };
    let plan = layout::plan(&header, &machine).unwrap_or_else(|error| fail(&error));
    mmu::build_tables(&header, &machine.ram).unwrap_or_else(|error| fail(&error));
    report(&plan);
    #[cfg(feature = "interrupts-in-group-1")]
    arch::gic::put_all_into_group_1();
    let tree_at = tree.map_or(0, |tree| tree.as_ptr() as u64);
    // SAFETY: `plan` placed everything in RAM and outside loader and payload; `tree` is not used from here on.
    unsafe { load(&header, &plan, tree_at) };
    // SAFETY: the tables are built and the plan is carried out.
    unsafe { mmu::enter_kernel(&header, &plan) }
}

/// Carries the plan out: device tree first, because its old place may be the kernel's.
///
/// # Safety
/// `plan` is `layout::plan`'s answer for this header and machine; `tree_at` is where the device tree is, if the plan has a
/// place for one; no reference to memory outside loader and payload is alive.
unsafe fn load(header: &Header, plan: &Plan, tree_at: u64) {
    let written = plan.kernel.start..plan.user.end;
    caches::clean_invalidate(&written);
    if !plan.device_tree.is_empty() {
        let bytes = plan.device_tree.end - plan.device_tree.start;
        // SAFETY: the destination is the plan's, the source the tree's used part.
        unsafe { memory::copy(tree_at, plan.device_tree.start, bytes) };
        // SAFETY: just written, not shared.
        let tree = unsafe { memory::device_tree_mut(&plan.device_tree) };
        device_tree::set_total_bytes(tree, bytes as u32);
    }
    // SAFETY: the plan's ranges. What no region covers reads as zero.
    unsafe {
        memory::zero(plan.kernel.clone());
        memory::zero(plan.user.clone());
    }
    for region in header.regions() {
        let program = match region.program {
            Program::Kernel => plan.kernel.start,
            Program::User => plan.user.start,
        };
        let content = memory::payload_start() + region.file_offset;
        // SAFETY: `Header` guarantees that the region is inside its program, whose place is the plan's, and its content
        // inside the payload.
        unsafe { memory::copy(content, program + region.offset, region.file_bytes) };
    }
    caches::clean_invalidate(&written);
}

fn report(plan: &Plan) {
    let show = |f: &mut dyn Write, name, range: &core::ops::Range<u64>| -> fmt::Result {
        write!(f, " {name} {:#x}..{:#x}", range.start, range.end)
    };
    let _ = Uart.write_str("loader:");
    let _ = show(&mut Uart, "kernel", &plan.kernel);
    let _ = show(&mut Uart, "device tree", &plan.device_tree);
    let _ = show(&mut Uart, "user image", &plan.user);
    let _ = Uart.write_str("\n");
}

fn fail(error: &dyn Display) -> ! {
    let _ = writeln!(Uart, "{ERROR_PREFIX}{error}");
    arch::halt()
}
