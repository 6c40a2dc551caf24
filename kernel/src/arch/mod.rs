//! AArch64 at EL1, on QEMU's `virt` machine.

use core::arch::{asm, global_asm};
use core::fmt;
use core::ops::Range;

use kernel_core::machine::Machine;
use kernel_core::object::PhysAddr;
use sel4_abi::platform::BootRegisters;

mod cache;
mod debug;
mod fpu;
mod gic;
mod hardware;
mod mmu;
mod smc;
mod timer;
mod uart;

pub use hardware::Hardware;

/// Start of the kernel's window onto physical memory: virtual address of physical address 0.
pub const WINDOW: u64 = 0xffff_ff80_0000_0000;
/// Size of the window.
pub const WINDOW_BYTES: u64 = 1 << 39;

/// Position of the exception class in a syndrome.
pub const EC_SHIFT: u32 = 26;
/// Floating point used while it is off.
pub const EC_FPU: u64 = 0x07;
/// Instruction abort from user level.
pub const EC_INSTRUCTION_ABORT: u64 = 0x20;
/// Hardware breakpoint from user level.
#[cfg(feature = "debug-build")]
pub const EC_HARDWARE_BREAKPOINT: u64 = 0x30;
/// An instruction of user level was stepped.
#[cfg(feature = "debug-build")]
pub const EC_STEP: u64 = 0x32;
/// Watchpoint from user level.
#[cfg(feature = "debug-build")]
pub const EC_WATCHPOINT: u64 = 0x34;
/// Software breakpoint from user level.
pub const EC_BREAKPOINT: u64 = 0x3c;
/// Data abort from user level.
pub const EC_DATA_ABORT: u64 = 0x24;

global_asm!(include_str!("vectors.s"));

unsafe extern "C" {
    static kernel_start: u8;
    static kernel_text_end: u8;
    static kernel_rodata_end: u8;
    static kernel_stack_guard: u8;
    static kernel_end: u8;
}

/// Virtual address of a physical one that the window covers.
#[inline(always)]
pub const fn virt(at: PhysAddr) -> u64 {
    at | WINDOW
}

/// Physical address of one of the kernel's own virtual addresses.
#[inline(always)]
pub const fn phys_of(at: u64) -> PhysAddr {
    at & !WINDOW
}

/// The kernel's image, stack and static data.
pub fn own_memory() -> Range<u64> {
    phys_of((&raw const kernel_start) as u64)..phys_of((&raw const kernel_end) as u64)
}

/// Builds the kernel's address space and sets up the processor; what RAM there is.
pub fn init(registers: &BootRegisters) -> Range<u64> {
    mmu::enable_whole_window();
    let tree =
        (registers.dtb != 0 && registers.dtb_size != 0 && registers.dtb + registers.dtb_size <= WINDOW_BYTES)
            .then(|| {
                // SAFETY: the loader says that the tree lies there, the window maps all of RAM, nothing writes to it
                // while this function runs.
                unsafe {
                    core::slice::from_raw_parts(virt(registers.dtb) as *const u8, registers.dtb_size as usize)
                }
            });
    let ram = crate::memory_size::ram(tree);
    mmu::map_exactly(&ram);
    let control: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, sctlr_el1", out(reg) control, options(nomem, nostack)) };
    // User level may: read the cache type, wait for events and interrupts, maintain caches. It may not zero blocks.
    let user = 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26;
    let zero_blocks = 1u64 << 14;
    // SAFETY: the vectors are the kernel's, the other registers only concern user level; counters as the contract
    // says: the physical counter and timer for user level, the virtual ones for the kernel.
    unsafe {
        asm!(
            "adrp {t}, vectors",
            "add {t}, {t}, :lo12:vectors",
            "msr vbar_el1, {t}",
            "msr sctlr_el1, {control}",
            "msr cntkctl_el1, {counters}",
            "msr cpacr_el1, xzr",
            "msr mdscr_el1, xzr",
            "isb",
            t = out(reg) _,
            control = in(reg) control & !zero_blocks | user,
            counters = in(reg) 1u64 | 1 << 9,
            options(nostack)
        );
    }
    ram
}

/// What user level is told of an abort's syndrome.
///
/// The official kernel maps its whole window in blocks, so that every access to it is refused for lack of permission at
/// level 2; here parts are not mapped, and nobody at user level needs to know which.
pub const fn reported_status(syndrome: u64, address: u64) -> u64 {
    const STATUS: u64 = 0x3f;
    const TRANSLATION: u64 = 0x04;
    const PERMISSION_LEVEL_2: u64 = 0x0e;
    if address >= WINDOW && syndrome & STATUS & !3 == TRANSLATION {
        syndrome & !STATUS | PERMISSION_LEVEL_2
    } else {
        syndrome
    }
}

/// Sleeps until an interrupt is pending.
#[inline(always)]
pub fn wait_for_interrupt() {
    // SAFETY: interrupts are masked; the instruction only waits.
    unsafe { asm!("dsb sy", "wfi", options(nomem, nostack)) };
}

/// Prints to the debug console.
pub fn print(hardware: &mut Hardware, text: fmt::Arguments<'_>) {
    struct Out<'a>(&'a mut Hardware);
    impl fmt::Write for Out<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                self.0.put_byte(byte);
            }
            Ok(())
        }
    }
    let _ = fmt::Write::write_fmt(&mut Out(hardware), text);
}
