//! System calls of a debug kernel.

use crate::{Cap, CapType, InvocationContext, cap, syscall};

/// C: `seL4_DebugHalt`.
pub fn debug_halt() {
    syscall::debug_halt();
}

/// C: `seL4_DebugSnapshot`.
pub fn debug_snapshot() {
    syscall::debug_snapshot();
}

impl<C: InvocationContext> cap::Tcb<C> {
    /// C: `seL4_DebugNameThread`. Panics if the name does not fit in a message.
    pub fn debug_name(self, name: &[u8]) {
        self.invoke(|cptr, ipc_buffer| {
            let bytes = ipc_buffer.msg_bytes_mut();
            bytes[..name.len()].copy_from_slice(name);
            bytes[name.len()] = 0;
            syscall::debug_name_thread(ipc_buffer, cptr);
        });
    }
}

impl<T: CapType> Cap<T> {
    /// C: `seL4_DebugCapIdentify`: 0 if there is no capability.
    pub fn debug_identify(self) -> u32 {
        syscall::debug_cap_identify(self.bits())
    }
}
