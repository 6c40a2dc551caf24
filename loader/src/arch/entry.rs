//! From reset to Rust: exception level, stack, vectors.

use super::{halt, uart::Uart};
use core::arch::global_asm;
use core::fmt::Write;
use loader::ERROR_PREFIX;

// At entry: MMU off, x0 may be the device tree's address (Linux convention). Comes out at EL1 with interrupts masked and
// `SCTLR_EL1` in a known state, whichever of EL1 and EL2 it came from. SCTLR: the bits that are RES1 in Armv8.0, stack
// alignment checks, and WFI, WFE not trapped for EL0 (nTWI, nTWE): what QEMU resets it to at EL1.
global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    mov     x19, x0
    mrs     x9, CurrentEL
    lsr     x9, x9, #2
    cmp     x9, #1
    b.eq    1f
    cmp     x9, #2
    b.ne    1f

    // EL2: EL1 runs AArch64, nothing of what it does is trapped, timers are open to it.
    mov     x10, #(1 << 31)
    msr     hcr_el2, x10
    mov     x10, #0x33ff
    msr     cptr_el2, x10
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x10, pmcr_el0
    ubfx    x10, x10, #11, #5
    msr     mdcr_el2, x10
    mrs     x10, cnthctl_el2
    orr     x10, x10, #3
    msr     cnthctl_el2, x10
    msr     cntvoff_el2, xzr
    mrs     x10, midr_el1
    msr     vpidr_el2, x10
    mrs     x10, mpidr_el1
    msr     vmpidr_el2, x10
    ldr     x10, ={sctlr}
    msr     sctlr_el1, x10
    mov     x10, #0x3c5
    msr     spsr_el2, x10
    adr     x10, 1f
    msr     elr_el2, x10
    mov     x9, #1
    isb
    eret

1:  msr     daifset, #0xf
    adrp    x10, __stack_top
    add     x10, x10, :lo12:__stack_top
    mov     sp, x10
    adrp    x10, __bss_start
    add     x10, x10, :lo12:__bss_start
    adrp    x11, __bss_end
    add     x11, x11, :lo12:__bss_end
2:  stp     xzr, xzr, [x10], #16
    cmp     x10, x11
    b.lo    2b
    cmp     x9, #1
    b.ne    3f
    ldr     x10, ={sctlr}
    msr     sctlr_el1, x10
    adrp    x10, loader_vectors
    add     x10, x10, :lo12:loader_vectors
    msr     vbar_el1, x10
    isb
    ic      iallu
    dsb     sy
    isb
3:  mov     x0, x19
    mov     x1, x9
    bl      loader_main
4:  wfe
    b       4b

    .balign 2048
loader_vectors:
    .rept   16
    .balign 128
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    mrs     x2, far_el1
    b       loader_exception
    .endr
    "#,
    sctlr = const 0x30d5_0838u32,
);

/// An exception in the loader itself is a bug of the loader, or a machine that is not what it claims to be.
#[unsafe(no_mangle)]
extern "C" fn loader_exception(esr: u64, elr: u64, far: u64) -> ! {
    let _ = writeln!(
        Uart,
        "\n{ERROR_PREFIX}exception: ESR {esr:#x}, ELR {elr:#x}, FAR {far:#x}"
    );
    halt()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Uart, "\n{ERROR_PREFIX}{info}");
    halt()
}
