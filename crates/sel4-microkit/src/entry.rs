//! Where the creator starts the thread, with a stack, and where it ends.

use core::arch::global_asm;
use core::panic::PanicInfo;

use crate::{Handler, debug_println, handler, pd_name};
use sel4_abi::microkit::PD_IPC_BUFFER;

global_asm! {
    r#"
        .section .text._start, "ax"
        .global _start
        .type _start, %function
    _start:
        mov x29, xzr
        mov x30, xzr
        b {begin}
        .size _start, . - _start
    "#,
    begin = sym begin,
}

unsafe extern "Rust" {
    // `protection_domain_starts_with` defines it, with this signature.
    safe fn __microkit_init_and_serve() -> !;
}

extern "C" fn begin() -> ! {
    let buffer = core::ptr::with_exposed_provenance_mut(PD_IPC_BUFFER as usize);
    // SAFETY: the creator mapped a page there for this thread's buffer (the PD's ABI); a page is aligned for it,
    // any contents are valid words, and this is the only place that makes a reference of the address.
    sel4::set_ipc_buffer(unsafe { &mut *buffer });
    __microkit_init_and_serve()
}

/// What a program's function makes is the handler.
pub fn serve(mut handler: impl Handler) -> ! {
    let Err(error) = handler::serve(&mut handler);
    debug_println!("{}: ends: {error}", name());
    sel4::trap()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    debug_println!("{}: {info}", name());
    sel4::trap()
}

fn name() -> &'static str {
    pd_name().unwrap_or("?")
}
