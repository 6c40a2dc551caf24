//! A "kernel" that checks in what state it was entered, says so, and stops.
//!
//! What it expects is seL4's boot protocol as the official loaders keep it; the user image it expects is made by the
//! `loading` cases of the boot tests.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};
use core::slice;
use loader::board::UART_BASE;
use loader::translation::MAIR;

/// Virtual addresses of the user image of the `loading` cases.
const USER_VIRT: u64 = 0x1234_5000;
/// Its length in bytes.
const USER_BYTES: u64 = 3 * 4096;
/// Its entry point.
const USER_ENTRY: u64 = USER_VIRT + 0x40;

// Keeps what was in the registers, first of all.
global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x9, HANDED
    add     x9, x9, :lo12:HANDED
    stp     x0, x1, [x9]
    stp     x2, x3, [x9, #16]
    stp     x4, x5, [x9, #32]
    adrp    x9, __stack_top
    add     x9, x9, :lo12:__stack_top
    mov     sp, x9
    bl      main
1:  wfe
    b       1b
    "#
);

/// x0 to x5 at entry.
#[unsafe(no_mangle)]
static mut HANDED: [u64; 6] = [u64::MAX; 6];

/// Memory that must be zero at entry.
static mut ZEROED: [u64; 1024] = [0; 1024];

unsafe extern "C" {
    static __start: u8;
    static __end: u8;
}

struct Uart;

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the loader's lower tables map the UART where it is; nobody else runs.
            unsafe { (UART_BASE as *mut u32).write_volatile(u32::from(byte)) };
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let verdict = registers().and_then(|()| machine()).and_then(|()| memory());
    let _ = match verdict {
        Ok(()) => writeln!(Uart, "TEST_PASS"),
        Err(what) => writeln!(Uart, "TEST_FAIL {what}"),
    };
    loop {
        // SAFETY: only waits.
        unsafe { asm!("wfe") };
    }
}

fn handed() -> [u64; 6] {
    // SAFETY: written once, before Rust.
    unsafe { (&raw const HANDED).read() }
}

fn check(holds: bool, what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(what) }
}

fn registers() -> Result<(), &'static str> {
    let [start, end, offset, entry, tree, tree_bytes] = handed();
    let kernel_end = (&raw const __end) as u64 - 0xffff_ff80_0000_0000;
    check(
        start.is_multiple_of(4096) && start >= kernel_end,
        "x0: user image behind the kernel, page-aligned",
    )?;
    check(end == start + USER_BYTES, "x1: end of the user image")?;
    check(
        start.wrapping_sub(USER_VIRT) == offset,
        "x2: physical minus virtual",
    )?;
    check(entry == USER_ENTRY, "x3: entry point")?;
    check(
        tree >= kernel_end && tree + tree_bytes <= start,
        "x4: device tree between kernel and user image",
    )?;
    check(
        (64..65_536).contains(&tree_bytes),
        "x5: used length of the device tree",
    )
}

fn machine() -> Result<(), &'static str> {
    let (level, mask, control, mair, processor, stack): (u64, u64, u64, u64, u64, u64);
    // SAFETY: reading registers.
    unsafe {
        asm!("mrs {}, CurrentEL", out(reg) level);
        asm!("mrs {}, DAIF", out(reg) mask);
        asm!("mrs {}, SCTLR_EL1", out(reg) control);
        asm!("mrs {}, MAIR_EL1", out(reg) mair);
        asm!("mrs {}, TPIDR_EL1", out(reg) processor);
        asm!("mrs {}, SPSel", out(reg) stack);
    }
    check(level >> 2 == 1, "exception level 1")?;
    check(mask == 0x3c0, "all interrupts masked")?;
    check(control & 0x1005 == 0x1005, "MMU and caches on")?;
    check(
        control & (1 << 25 | 1 << 19 | 1 << 1) == 0,
        "little-endian, no WXN, no alignment check",
    )?;
    check(mair == MAIR, "memory attributes")?;
    check(processor == 0, "processor 0")?;
    check(stack == 1, "stack pointer of EL1")
}

fn memory() -> Result<(), &'static str> {
    let [start, end, _, _, tree, tree_bytes] = handed();
    check(
        (&raw const __start) as u64 == 0xffff_ff80_4000_0000,
        "linked where kernels are",
    )?;
    // SAFETY: RAM below the end of the first mapped gigabyte, by the kernel window; nobody writes it.
    let at = |phys: u64, bytes: u64| unsafe {
        slice::from_raw_parts((phys + 0xffff_ff80_0000_0000) as *const u8, bytes as usize)
    };
    // SAFETY: never written.
    let zeroed = unsafe { (&raw const ZEROED).read_volatile() };
    check(
        zeroed.iter().all(|word| *word == 0),
        "memory without content is zero",
    )?;
    let tree = at(tree, tree_bytes);
    check(tree[..4] == [0xd0, 0x0d, 0xfe, 0xed], "a device tree at x4")?;
    check(
        tree[4..8] == (tree_bytes as u32).to_be_bytes(),
        "its length is the one in x5",
    )?;
    let user = at(start, end - start);
    let expected = |index: usize| if index < 5000 { index as u8 ^ 0x5a } else { 0 };
    check(
        user.iter()
            .enumerate()
            .all(|(index, byte)| *byte == expected(index)),
        "the user image's content",
    )
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Uart, "TEST_FAIL {info}");
    loop {
        // SAFETY: only waits.
        unsafe { asm!("wfe") };
    }
}
