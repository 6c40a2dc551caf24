//! The entry point: the kernel starts the initial thread here, with the address of the boot info frame in x0 and
//! no stack.

use core::arch::global_asm;
use core::panic::PanicInfo;

global_asm! {
    r#"
        .section .text._start, "ax"
        .global _start
        .type _start, %function
    _start:
        adrp x9, __root_task_stack
        ldr x9, [x9, :lo12:__root_task_stack]
        mov sp, x9
        mov x29, xzr
        mov x30, xzr
        b {begin}
        .size _start, . - _start
    "#,
    begin = sym begin,
}

unsafe extern "Rust" {
    // `root_task_starts_with` defines it, with this signature.
    safe fn __root_task_main(bootinfo: &sel4::BootInfoPtr) -> !;
}

unsafe extern "C" fn begin(frame: *const sel4::BootInfo) -> ! {
    // SAFETY: `_start` passes on what the kernel gave it, and the frames stay mapped: only the root task itself
    // could unmap them.
    let bootinfo = unsafe { sel4::BootInfoPtr::new(frame) };
    // SAFETY: the kernel mapped the buffer there, aligned, for this thread, and nobody else has its address.
    let buffer = unsafe { bootinfo.ipc_buffer().as_mut() };
    buffer.into_iter().for_each(sel4::set_ipc_buffer);
    __root_task_main(&bootinfo)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    sel4::debug_println!("{info}");
    sel4::trap()
}
