//! The seL4 API, under the names, paths, signatures and semantics of rust-sel4 5.0's crate `sel4`.
//!
//! It is an independent implementation of the part that this system uses, so that moving to upstream is one
//! change in the workspace manifest. What differs:
//!
//! - *The IPC buffer pointer is not thread-local.* [`set_ipc_buffer`] sets one for the whole program, as
//!   upstream's feature `single-threaded` does. A program that starts a second thread in its own address space
//!   must give that thread an explicit context (`cap.with(&mut buffer)`), which never touches the shared one.
//! - The configuration is not read from libsel4 headers: features `debug-build` and `benchmark-build` select it,
//!   the contract fixes the rest ([`sel4_cfg_bool!`] answers questions about it).
//! - [`sys`] has only what signatures of this crate mention.
//! - Invocations that upstream has no wrapper for are collected in one file, named as its pattern would name
//!   them, and say so in their documentation.
//! - Where upstream panics at what another program sent (an unknown fault label, an impossible error code),
//!   this crate gives a neutral answer.
//!
//! On the host everything compiles, so that libraries built on these types can be tested there; a system call
//! panics, and the IPC buffer is thread-local, because tests run in threads.

#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

mod bootinfo;
mod cap_rights;
mod cnode_cap_data;
mod cptr;
mod error;
mod fault;
mod helper_macros;
mod invocation;
mod invocation_context;
mod ipc_buffer;
mod message_info;
mod object;
mod reply_authority;
mod state;
mod syscall;
mod user_context;
mod vm_attributes;
mod vspace;

pub mod config;
pub mod init_thread;
pub mod sys;

#[cfg(feature = "benchmark-build")]
mod benchmark;
#[cfg(feature = "debug-build")]
mod debug;
#[cfg(feature = "debug-build")]
mod printing;

pub use bootinfo::{BootInfo, BootInfoExtra, BootInfoExtraId, BootInfoExtraIter, BootInfoPtr, UntypedDesc};
pub use cap_rights::{CapRights, CapRightsBuilder};
pub use cnode_cap_data::CNodeCapData;
pub use cptr::{AbsoluteCPtr, CPtr, CPtrBits, CPtrWithDepth, Cap, CapType, HasCPtrWithDepth, cap, cap_type};
pub use error::{Error, Result};
pub use fault::{CapFault, Fault, NullFault, Timeout, UnknownSyscall, UserException, VmFault};
pub use invocation::{TcbFlagsBuilder, Time};
pub use invocation_context::{InvocationContext, NoExplicitInvocationContext, NoInvocationContext};
pub use ipc_buffer::IpcBuffer;
pub use message_info::{MessageInfo, MessageInfoBuilder};
pub use object::{
    CapTypeForObject, CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize, ObjectBlueprint,
    ObjectBlueprintAArch64, ObjectBlueprintArch, ObjectBlueprintArm, ObjectBlueprintSeL4Arch, ObjectType,
    ObjectTypeAArch64, ObjectTypeArch, ObjectTypeArm, ObjectTypeSeL4Arch,
};
pub use reply_authority::{ConveysReplyAuthority, ReplyAuthority};
pub use state::{
    ImplicitInvocationContext, ipc_buffer_is_thread_local, set_ipc_buffer, with_ipc_buffer,
    with_ipc_buffer_mut,
};
pub use syscall::{Badge, CallWithMRs, FastMessages, NUM_MESSAGE_REGISTERS, RecvWithMRs, r#yield};
pub use user_context::UserContext;
pub use vm_attributes::VmAttributes;
pub use vspace::{
    CapTypeForFrameObject, CapTypeForFrameObjectOfFixedSize, CapTypeForTranslationTableObject,
    FrameObjectType, TranslationTableObjectType, vspace_levels,
};

#[cfg(feature = "benchmark-build")]
pub use benchmark::{
    benchmark_finalize_log, benchmark_get_thread_utilisation, benchmark_reset_log,
    benchmark_reset_thread_utilisation, benchmark_set_log_buffer,
};
#[cfg(feature = "debug-build")]
pub use debug::{debug_halt, debug_snapshot};
#[cfg(feature = "debug-build")]
pub use fault::DebugException;
#[cfg(feature = "debug-build")]
pub use printing::{DebugWrite, debug_put_char};

/// C: `seL4_Word`.
pub type Word = sys::seL4_Word;

/// Bits of a [`Word`].
pub const WORD_SIZE: usize = sel4_abi::WORD_BITS;

/// The number of message registers which are passed in machine registers.
pub const NUM_FAST_MESSAGE_REGISTERS: usize = sel4_abi::message::FAST_MESSAGE_REGISTERS;

#[doc(hidden)]
pub mod _private {
    #[cfg(feature = "debug-build")]
    pub use crate::printing::debug_print_helper;
}
