//! The C API's names for what stands under this crate, as far as its signatures mention them.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

/// A machine word.
pub type seL4_Word = sel4_abi::Word;
/// Address of a slot in a CSpace.
pub type seL4_CPtr = sel4_abi::CPtr;

pub use sel4_abi::bootinfo::{
    BootInfo as seL4_BootInfo, BootInfoHeader as seL4_BootInfoHeader, SlotRegion as seL4_SlotRegion,
    UntypedDesc as seL4_UntypedDesc,
};
pub use sel4_abi::cap_data::CNodeCapData as seL4_CNode_CapData;
pub use sel4_abi::ipc_buffer::IpcBuffer as seL4_IPCBuffer;
pub use sel4_abi::message::MessageInfo as seL4_MessageInfo;
pub use sel4_abi::rights::CapRights as seL4_CapRights;
pub use sel4_abi::user_context::UserContext as seL4_UserContext;

/// Last address of user level's address space.
pub const seL4_UserVSpaceTop: seL4_Word = sel4_abi::vm::USER_TOP;
/// log2 of the bytes of a page.
pub const seL4_PageBits: u32 = sel4_abi::object::PAGE_BITS as u32;

/// Error codes.
pub mod seL4_Error {
    /// Their type.
    pub type Type = core::ffi::c_uint;
    /// Success.
    pub const seL4_NoError: Type = 0;
}

/// Mapping attributes.
pub mod seL4_ARM_VMAttributes {
    /// Their type.
    pub type Type = super::seL4_Word;
}

/// Flags of a TCB.
pub mod seL4_TCBFlag {
    use super::seL4_Word;

    /// None.
    pub const seL4_TCBFlag_NoFlag: seL4_Word = sel4_abi::thread::tcb_flag::NO_FLAG;
    /// The thread has no floating-point registers.
    pub const seL4_TCBFlag_fpuDisabled: seL4_Word = sel4_abi::thread::tcb_flag::FPU_DISABLED;
}

/// Flags of `seL4_SchedControl_ConfigureFlags`.
pub mod seL4_SchedContextFlag {
    use super::seL4_Word;

    /// None.
    pub const seL4_SchedContext_NoFlag: seL4_Word = sel4_abi::thread::sched_context_flag::NO_FLAG;
    /// Sporadic.
    pub const seL4_SchedContext_Sporadic: seL4_Word = sel4_abi::thread::sched_context_flag::SPORADIC;
}

/// Invocation labels that are sent other than by a method of this crate.
pub mod invocation_label {
    /// `IRQHandler_Ack`, for a deferred acknowledgement.
    pub const IRQAckIRQ: u32 = sel4_abi::invocation::InvocationLabel::IRQAckIRQ as u32;
}

/// Declares the words of a fault message with a getter per word, named as the C bit field.
macro_rules! fault_words {
    ($(#[$meta:meta])* $name:ident[$length:expr] { $($(#[$get_meta:meta])* $getter:ident = $index:expr;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub(crate) [seL4_Word; $length]);

        impl $name {
            /// Takes the words from a message.
            pub(crate) fn from_message(words: &[seL4_Word]) -> Self {
                Self(core::array::from_fn(|i| words.get(i).copied().unwrap_or(0)))
            }

            $(
                $(#[$get_meta])*
                pub const fn $getter(&self) -> seL4_Word {
                    self.0[$index]
                }
            )*
        }
    };
}

use sel4_abi::fault as f;

fault_words! {
    /// No fault.
    seL4_Fault_NullFault[0] {}
}

fault_words! {
    /// A capability pointer did not resolve.
    seL4_Fault_CapFault[7] {
        /// Program counter to restart at.
        get_IP = f::cap_fault::IP;
        /// The capability pointer.
        get_Addr = f::cap_fault::ADDR;
        /// 1 if it happened in the receive phase.
        get_InRecvPhase = f::cap_fault::IN_RECV_PHASE;
        /// Why.
        get_LookupFailureType = f::cap_fault::LOOKUP_FAILURE_TYPE;
        /// Bits left.
        get_MR4 = f::cap_fault::BITS_LEFT;
        /// Bits found, or the guard found.
        get_MR5 = f::cap_fault::DEPTH_MISMATCH_BITS_FOUND;
        /// Size of the guard found.
        get_MR6 = f::cap_fault::GUARD_MISMATCH_BITS_FOUND;
    }
}

fault_words! {
    /// A system call the kernel does not know.
    seL4_Fault_UnknownSyscall[f::unknown_syscall::LENGTH] {
        /// Register 0.
        get_X0 = 0;
        /// Register 1.
        get_X1 = 1;
        /// Register 2.
        get_X2 = 2;
        /// Register 3.
        get_X3 = 3;
        /// Register 4.
        get_X4 = 4;
        /// Register 5.
        get_X5 = 5;
        /// Register 6.
        get_X6 = 6;
        /// Register 7.
        get_X7 = 7;
        /// Program counter.
        get_FaultIP = f::unknown_syscall::FAULT_IP;
        /// Stack pointer.
        get_SP = f::unknown_syscall::SP;
        /// Link register.
        get_LR = f::unknown_syscall::LR;
        /// Saved program status.
        get_SPSR = f::unknown_syscall::SPSR;
        /// The number asked for.
        get_Syscall = f::unknown_syscall::SYSCALL;
    }
}

fault_words! {
    /// Undefined instruction and the like.
    seL4_Fault_UserException[f::user_exception::LENGTH] {
        /// Program counter.
        get_FaultIP = f::user_exception::FAULT_IP;
        /// Stack pointer.
        get_Stack = f::user_exception::SP;
        /// Saved program status.
        get_SPSR = f::user_exception::SPSR;
        /// Exception syndrome.
        get_Number = f::user_exception::NUMBER;
        /// 0 on this architecture.
        get_Code = f::user_exception::CODE;
    }
}

fault_words! {
    /// Access to memory that is not mapped, or not so.
    seL4_Fault_VMFault[f::vm_fault::LENGTH] {
        /// Program counter.
        get_IP = f::vm_fault::IP;
        /// Address.
        get_Addr = f::vm_fault::ADDR;
        /// 1 for an instruction fetch.
        get_PrefetchFault = f::vm_fault::PREFETCH_FAULT;
        /// Exception syndrome.
        get_FSR = f::vm_fault::FSR;
    }
}

fault_words! {
    /// A budget ran out.
    seL4_Fault_Timeout[f::timeout::LENGTH] {
        /// Badge of the scheduling context.
        get_data = f::timeout::DATA;
        /// Microseconds consumed.
        get_consumed = f::timeout::CONSUMED;
    }
}

#[cfg(feature = "debug-build")]
fault_words! {
    /// Breakpoint, watchpoint or single step.
    seL4_Fault_DebugException[f::debug_exception::LENGTH] {
        /// Program counter.
        get_FaultIP = f::debug_exception::FAULT_IP;
        /// Kind.
        get_ExceptionReason = f::debug_exception::EXCEPTION_REASON;
        /// Watched address.
        get_TriggerAddress = f::debug_exception::TRIGGER_ADDRESS;
        /// Breakpoint number.
        get_BreakpointNumber = f::debug_exception::BREAKPOINT_NUMBER;
    }
}
