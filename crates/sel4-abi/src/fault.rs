//! Fault messages: the label says which fault, the words are indexed by the modules here.

use crate::numbered::numbered;

numbered! {
    /// Label of a fault message (`seL4_FaultType`); numbers do not move between configurations.
    pub enum FaultType: u64 {
        /// No fault.
        NullFault = 0,
        /// A system call named a capability that is not there.
        CapFault = 1,
        /// A system call number the kernel does not know.
        UnknownSyscall = 2,
        /// Undefined instruction, alignment and the like.
        UserException = 3,
        /// Breakpoint, watchpoint, single step.
        #[cfg(feature = "debug-build")]
        DebugException = 4,
        /// The scheduling context ran out of budget, and a timeout handler is set.
        Timeout = 5,
        /// Access to memory that is not mapped, or not with that right.
        VMFault = 6,
    }
}

/// Words of a cap fault message.
pub mod cap_fault {
    /// Program counter to restart at.
    pub const IP: usize = 0;
    /// The capability pointer.
    pub const ADDR: usize = 1;
    /// 1 if it happened in the receive phase.
    pub const IN_RECV_PHASE: usize = 2;
    /// A [`LookupFailure`](crate::error::LookupFailure).
    pub const LOOKUP_FAILURE_TYPE: usize = 3;
    /// Bits not yet resolved.
    pub const BITS_LEFT: usize = 4;
    /// Depth mismatch: bits found.
    pub const DEPTH_MISMATCH_BITS_FOUND: usize = 5;
    /// Guard mismatch: the guard.
    pub const GUARD_MISMATCH_GUARD_FOUND: usize = 5;
    /// Guard mismatch: the guard's size.
    pub const GUARD_MISMATCH_BITS_FOUND: usize = 6;
}

/// Words of an unknown system call message; a reply of the same shape (its length may be less) sets the registers.
pub mod unknown_syscall {
    /// x0; x1 to x7 follow.
    pub const X0: usize = 0;
    /// Program counter of the SVC; a reply that lets the thread go on behind it adds 4.
    pub const FAULT_IP: usize = 8;
    /// Stack pointer.
    pub const SP: usize = 9;
    /// Link register.
    pub const LR: usize = 10;
    /// Saved program status.
    pub const SPSR: usize = 11;
    /// The number asked for.
    pub const SYSCALL: usize = 12;
    /// Words of the message.
    pub const LENGTH: usize = 13;
}

/// Words of a user exception message; a reply of the first three sets them.
pub mod user_exception {
    /// Program counter of the instruction.
    pub const FAULT_IP: usize = 0;
    /// Stack pointer.
    pub const SP: usize = 1;
    /// Saved program status.
    pub const SPSR: usize = 2;
    /// Exception syndrome.
    pub const NUMBER: usize = 3;
    /// 0 on this architecture.
    pub const CODE: usize = 4;
    /// Words of the message.
    pub const LENGTH: usize = 5;
}

/// Words of a VM fault message.
pub mod vm_fault {
    /// Program counter of the instruction.
    pub const IP: usize = 0;
    /// Address it wanted.
    pub const ADDR: usize = 1;
    /// 1 if it was an instruction fetch, 0 for data.
    pub const PREFETCH_FAULT: usize = 2;
    /// Fault status: ESR_EL1.
    pub const FSR: usize = 3;
    /// Words of the message.
    pub const LENGTH: usize = 4;
}

/// Words of a timeout message.
pub mod timeout {
    /// The scheduling context's badge.
    pub const DATA: usize = 0;
    /// Microseconds consumed since the last timeout or reset.
    pub const CONSUMED: usize = 1;
    /// Words of the message.
    pub const LENGTH: usize = 2;
}

/// Words of the reply to a timeout message, which replaces the registers.
pub mod timeout_reply {
    use crate::user_context;

    /// Index in the message of each register, in the order of [`UserContext`](crate::user_context::UserContext).
    pub const LENGTH: usize = user_context::LENGTH - 2;
}

/// Words of a debug exception message (debug configuration).
pub mod debug_exception {
    /// Program counter.
    pub const FAULT_IP: usize = 0;
    /// Breakpoint kind.
    pub const EXCEPTION_REASON: usize = 1;
    /// Watched address.
    pub const TRIGGER_ADDRESS: usize = 2;
    /// Breakpoint number.
    pub const BREAKPOINT_NUMBER: usize = 3;
    /// Words of the message.
    pub const LENGTH: usize = 4;
}

const _: () = assert!(timeout_reply::LENGTH == 34);
