//! The seL4 API, under the names, paths, signatures and semantics of rust-sel4 5.0's crate `sel4`.
//!
//! It implements the part that this system uses on top of [`sel4_abi`], so that moving to upstream is one change in
//! the workspace manifest. What differs:
//!
//! - *The IPC buffer pointer is not thread-local.* [`set_ipc_buffer`] sets one for the whole program, as
//!   upstream's feature `single-threaded` does. A program that starts a second thread in its own address space
//!   must give that thread an explicit context (`cap.with(&mut buffer)`), which never touches the shared one.
//! - The configuration is not read from libsel4 headers: features `debug-build` and `benchmark-build` select it,
//!   the contract fixes the rest ([`sel4_cfg_bool!`] answers questions about it).
//! - There is no module `sys`: types of the C API are those of [`sel4_abi`].
//! - Where upstream takes any type of a trait and this system gives always the same one, the parameter has that type.
//! - Invocations that upstream has no wrapper for are named as its pattern would name them, and say so.
//! - [`debug_print!`] exists in every configuration, and prints where the kernel does.
//! - Where upstream panics at what another program sent (an unknown fault label, an impossible error code),
//!   this crate gives a neutral answer.
//!
//! On the host everything compiles, so that libraries built on these types can be tested there; a system call
//! panics, and the IPC buffer is thread-local, because tests run in threads.

#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

mod blueprint;
mod bootinfo;
mod buffer;
mod capability;
mod console;
mod error;
mod fault;
mod interrupt;
mod ipc;
mod kinds;
mod memory;
mod message;
mod registers;
mod rights;
mod slot;
mod syscall;
mod thread;
mod time;

pub mod config;
pub mod init_thread;

pub use blueprint::{CapTypeForObjectOfFixedSize, ObjectBlueprint, ObjectBlueprintArch};
pub use bootinfo::{BootInfo, BootInfoExtra, BootInfoPtr};
pub use buffer::{
    ImplicitInvocationContext, InvocationContext, IpcBuffer, set_ipc_buffer, with_ipc_buffer,
    with_ipc_buffer_mut,
};
pub use capability::{CPtr, Cap, CapType};
pub use error::{Error, Result};
pub use fault::{CapFault, Fault, Timeout, UnknownSyscall, UserException, VmFault};
pub use ipc::{Badge, CallWithMRs, r#yield};
pub use kinds::{cap, cap_type};
pub use memory::CapTypeForFrameObject;
pub use message::{MessageInfo, MessageInfoBuilder};
pub use registers::UserContext;
pub use rights::{CNodeCapData, CapRights};
pub use sel4_abi::bootinfo::{BootInfoId as BootInfoExtraId, UntypedDesc};
pub use sel4_abi::message::MSG_MAX_LENGTH as NUM_MESSAGE_REGISTERS;
pub use sel4_abi::vm::VmAttributes;
pub use sel4_abi::{CPtr as CPtrBits, Word};
pub use slot::AbsoluteCPtr;
pub use syscall::trap;
pub use thread::TcbFlagsBuilder;
pub use time::Time;

#[cfg(feature = "debug-build")]
pub use fault::DebugException;

#[doc(hidden)]
pub mod _private {
    pub use crate::console::print;
}
