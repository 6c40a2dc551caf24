//! The entry point: the creator starts the thread here, with a stack.

use core::arch::global_asm;

use crate::Handler;
use sel4_abi::microkit::PD_IPC_BUFFER;

global_asm! {
    r#"
        .section .text._start, "ax"
        .global _start
        .type _start, %function
    _start:
        mov x29, xzr
        mov x30, xzr
        b {entrypoint}
        .size _start, . - _start
    "#,
    entrypoint = sym entrypoint,
}

unsafe extern "Rust" {
    // Defined by the macro `declare_protection_domain`, with this signature.
    safe fn __sel4_microkit__main() -> !;
}

extern "C" fn entrypoint() -> ! {
    let ipc_buffer = PD_IPC_BUFFER as *mut sel4::IpcBuffer;
    // SAFETY: the creator mapped a page there for this thread's buffer (the PD's ABI); a page is aligned for it,
    // any contents are valid words, and this is the only place that makes a reference of the address.
    sel4::set_ipc_buffer(unsafe { &mut *ipc_buffer });
    __sel4_microkit__main()
}

#[doc(hidden)]
pub fn run_main<T: Handler>(init: impl FnOnce() -> T) -> ! {
    match init().run() {
        Ok(never) => match never {},
        Err(error) => crate::abort!("main thread terminated with error: {error}"),
    }
}
