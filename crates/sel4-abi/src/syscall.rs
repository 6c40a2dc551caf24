//! System call numbers and registers.
//!
//! The number goes into [`NUMBER_REGISTER`], arguments as named by the constants here; every other register is
//! preserved. Numbers are negative; a number that is none of these is an unknown system call, which the kernel
//! delivers as a fault.

use crate::numbered::numbered;

numbered! {
    /// System calls of this configuration. Numbers do not move: what a configuration lacks leaves a gap.
    pub enum Syscall: i64 {
        /// Send, then wait for the reply.
        Call = -1,
        /// Reply, then receive.
        ReplyRecv = -2,
        /// Non-blocking send to one capability, then receive on another.
        NBSendRecv = -3,
        /// Non-blocking send to one capability, then wait on another without a reply object.
        NBSendWait = -4,
        /// Blocking send.
        Send = -5,
        /// Send if somebody waits, else drop.
        NBSend = -6,
        /// Receive with a reply object.
        Recv = -7,
        /// Receive if somebody sends, with a reply object.
        NBRecv = -8,
        /// Receive without a reply object.
        Wait = -9,
        /// Receive if somebody sends, without a reply object.
        NBWait = -10,
        /// Give up the rest of the budget until its next refill.
        Yield = -11,
        /// Print a character.
        #[cfg(feature = "debug-build")]
        DebugPutChar = -12,
        /// Print all threads.
        #[cfg(feature = "debug-build")]
        DebugDumpScheduler = -13,
        /// Stop the machine.
        #[cfg(feature = "debug-build")]
        DebugHalt = -14,
        /// Type number of a capability.
        #[cfg(feature = "debug-build")]
        DebugCapIdentify = -15,
        /// Print a description of the whole system.
        #[cfg(feature = "debug-build")]
        DebugSnapshot = -16,
        /// Name a thread, for `DebugDumpScheduler` and fault reports.
        #[cfg(feature = "debug-build")]
        DebugNameThread = -17,
        /// Flush the caches.
        #[cfg(feature = "benchmark-build")]
        BenchmarkFlushCaches = -21,
        /// Start a measurement.
        #[cfg(feature = "benchmark-build")]
        BenchmarkResetLog = -22,
        /// End a measurement.
        #[cfg(feature = "benchmark-build")]
        BenchmarkFinalizeLog = -23,
        /// Give the kernel a frame for its log.
        #[cfg(feature = "benchmark-build")]
        BenchmarkSetLogBuffer = -24,
        /// Enter the kernel and leave it.
        #[cfg(feature = "benchmark-build")]
        BenchmarkNullSyscall = -25,
        /// Cycles and entries accounted to a thread, to the idle thread and in total.
        #[cfg(feature = "benchmark-build")]
        BenchmarkGetThreadUtilisation = -26,
        /// Set a thread's account to zero.
        #[cfg(feature = "benchmark-build")]
        BenchmarkResetThreadUtilisation = -27,
    }
}

/// Smallest (most negative) number of a system call that is part of the API proper, `Yield`.
pub const SYSCALL_MIN: i64 = Syscall::Yield as i64;

/// Register of the system call number.
pub const NUMBER_REGISTER: usize = 7;
/// Register of the capability pointer on entry (of the source, in the calls that name two), of the badge on exit.
pub const CAP_REGISTER: usize = 0;
/// Register of the message info, in and out.
pub const MESSAGE_INFO_REGISTER: usize = 1;
/// Register of the first of [`crate::message::FAST_MESSAGE_REGISTERS`] message words.
pub const FIRST_MESSAGE_REGISTER: usize = 2;
/// Register of the reply object's capability pointer; of the destination in `NBSendWait`.
pub const REPLY_REGISTER: usize = 6;
/// Register of the destination in `NBSendRecv`.
pub const NB_SEND_DEST_REGISTER: usize = 8;

/// Word indexes of what `BenchmarkGetThreadUtilisation` leaves in the message registers.
pub mod utilisation {
    /// Cycles the thread was scheduled.
    pub const TCB_UTILISATION: usize = 0;
    /// Times the thread was scheduled.
    pub const TCB_NUMBER_SCHEDULES: usize = 1;
    /// Cycles the thread spent in the kernel.
    pub const TCB_KERNEL_UTILISATION: usize = 2;
    /// Kernel entries of the thread.
    pub const TCB_NUMBER_KERNEL_ENTRIES: usize = 3;
    /// Cycles the core's idle thread was scheduled.
    pub const IDLE_LOCALCPU_UTILISATION: usize = 4;
    /// The same, of the core of the thread asked for.
    pub const IDLE_TCBCPU_UTILISATION: usize = 5;
    /// Times the idle thread was scheduled.
    pub const IDLE_NUMBER_SCHEDULES: usize = 6;
    /// Cycles the idle thread spent in the kernel.
    pub const IDLE_KERNEL_UTILISATION: usize = 7;
    /// Kernel entries of the idle thread.
    pub const IDLE_NUMBER_KERNEL_ENTRIES: usize = 8;
    /// Cycles of the whole measurement.
    pub const TOTAL_UTILISATION: usize = 9;
    /// Thread switches.
    pub const TOTAL_NUMBER_SCHEDULES: usize = 10;
    /// Cycles in the kernel.
    pub const TOTAL_KERNEL_UTILISATION: usize = 11;
    /// Kernel entries.
    pub const TOTAL_NUMBER_KERNEL_ENTRIES: usize = 12;
}
