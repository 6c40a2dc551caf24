//! The entry point: the kernel starts the initial thread here, with the address of the boot info frame in x0 and
//! no stack.

use core::arch::global_asm;

global_asm! {
    r#"
        .section .text._start, "ax"
        .global _start
        .type _start, %function
    _start:
        adrp x9, __sel4_root_task__stack_bottom
        ldr x9, [x9, :lo12:__sel4_root_task__stack_bottom]
        mov sp, x9
        mov x29, xzr
        mov x30, xzr
        b {entrypoint}
        .size _start, . - _start
    "#,
    entrypoint = sym entrypoint,
}

unsafe extern "Rust" {
    // Defined by the macro `declare_root_task`, with this signature.
    safe fn __sel4_root_task__main(bootinfo: &sel4::BootInfoPtr) -> !;
}

unsafe extern "C" fn entrypoint(bootinfo: *const sel4::BootInfo) -> ! {
    // SAFETY: `_start` passes on what the kernel gave it, and the frames stay mapped: only the root task itself
    // could unmap them.
    let bootinfo = unsafe { sel4::BootInfoPtr::new(bootinfo) };
    // SAFETY: the kernel mapped the buffer there, aligned, for this thread, and nobody else has its address.
    if let Some(ipc_buffer) = unsafe { bootinfo.ipc_buffer().as_mut() } {
        sel4::set_ipc_buffer(ipc_buffer);
    }
    __sel4_root_task__main(&bootinfo)
}
