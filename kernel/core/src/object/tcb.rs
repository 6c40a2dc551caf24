//! A thread control block: the user registers, the scheduling and blocking state, five capability slots and the
//! floating-point registers.

use super::{Field, Notification, Obj, Reply, SchedContext, Slot, Tcb, TcbKind, Word, slot};

/// Offset of register `x0`; the others follow (the trap code knows these offsets).
pub const X0: u64 = 0x000;
/// User stack pointer.
pub const SP: Field<TcbKind, u64> = Field::at(0x0f8);
/// Where the thread continues.
pub const PC: Field<TcbKind, u64> = Field::at(0x100);
/// Saved processor state.
pub const SPSR: Field<TcbKind, u64> = Field::at(0x108);
/// The instruction that entered the kernel: a system call is restarted from here.
pub const RESTART_PC: Field<TcbKind, u64> = Field::at(0x110);
/// User thread pointer.
pub const TPIDR: Field<TcbKind, u64> = Field::at(0x118);
/// Read-only user thread pointer.
pub const TPIDRRO: Field<TcbKind, u64> = Field::at(0x120);

/// What the thread is doing.
pub const STATE: Field<TcbKind, State> = Field::at(0x128);
/// Priority, 0 to 255.
pub const PRIORITY: Field<TcbKind, u64> = Field::at(0x130);
/// Highest priority this thread may hand out.
pub const MCP: Field<TcbKind, u64> = Field::at(0x138);
/// Scheduling domain.
pub const DOMAIN: Field<TcbKind, u64> = Field::at(0x140);
/// Feature flags of the interface.
pub const FLAGS: Field<TcbKind, u64> = Field::at(0x148);
/// Endpoint or notification the thread waits at.
pub const WAITS_AT: Field<TcbKind, u64> = Field::at(0x150);
/// Badge of the capability a blocked sender used.
pub const SEND_BADGE: Field<TcbKind, u64> = Field::at(0x158);
/// Rights and kind of a blocked operation: bits of [`BLOCK_GRANT`] and following.
pub const BLOCK_FLAGS: Field<TcbKind, u64> = Field::at(0x160);
/// The reply object a receiver brought, or a caller waits for.
pub const REPLY: Field<TcbKind, Option<Reply>> = Field::at(0x168);
/// The context this thread runs on.
pub const SCHED_CONTEXT: Field<TcbKind, Option<SchedContext>> = Field::at(0x170);
/// The context this thread yielded to.
pub const YIELD_TO: Field<TcbKind, Option<SchedContext>> = Field::at(0x178);
/// The bound notification.
pub const NOTIFICATION: Field<TcbKind, Option<Notification>> = Field::at(0x180);
/// Queue links of the endpoint or notification the thread waits at.
pub const WAIT_PREV: Field<TcbKind, Option<Tcb>> = Field::at(0x188);
/// See [`WAIT_PREV`].
pub const WAIT_NEXT: Field<TcbKind, Option<Tcb>> = Field::at(0x190);
/// Links of a ready queue or of the release queue.
pub const RUN_PREV: Field<TcbKind, Option<Tcb>> = Field::at(0x198);
/// See [`RUN_PREV`].
pub const RUN_NEXT: Field<TcbKind, Option<Tcb>> = Field::at(0x1a0);
/// Which scheduler queue holds the thread.
pub const QUEUED: Field<TcbKind, Queued> = Field::at(0x1a8);
/// Address of the IPC buffer in the thread's address space.
pub const BUFFER: Field<TcbKind, u64> = Field::at(0x1b0);
/// Type of the fault that is or was being reported.
pub const FAULT_TYPE: Field<TcbKind, u64> = Field::at(0x1b8);
/// First of five words that describe the fault.
pub const FAULT_WORDS: u64 = 0x1c0;
/// Number of words at [`FAULT_WORDS`].
pub const FAULT_WORD_COUNT: usize = 6;

/// Offset of the accounts of the benchmark configuration.
const ACCOUNTS: u64 = 0x2a0;
const SLOTS: u64 = 0x200;
/// Number of capability slots in a thread control block.
pub const SLOT_COUNT: u64 = 5;
/// Offset of the floating-point registers (512 bytes, then status and control).
pub const FPU: u64 = 0x300;
/// Offset of the thread's name: a message can hold almost as much.
#[cfg(feature = "debug-build")]
pub const NAME: u64 = 0x800;
/// Size of the name with its terminator.
#[cfg(feature = "debug-build")]
pub const NAME_BYTES: u64 = 0x400;
/// Neighbours in the list of all threads.
#[cfg(feature = "debug-build")]
pub const LIST_PREV: Field<TcbKind, Option<Tcb>> = Field::at(NAME + NAME_BYTES);
/// See [`LIST_PREV`].
#[cfg(feature = "debug-build")]
pub const LIST_NEXT: Field<TcbKind, Option<Tcb>> = Field::at(LIST_PREV.offset() + 8);

/// Offset of the breakpoints (debug kernels only).
#[cfg(feature = "debug-build")]
const BREAKPOINTS: u64 = 0x600;
/// The thread has breakpoints or steps.
#[cfg(feature = "debug-build")]
pub const DEBUGGED: Field<TcbKind, bool> =
    Field::at(BREAKPOINTS + 16 * sel4_abi::config::NUM_HW_BREAKPOINTS as u64);
/// Instructions until the thread stops; 0: it does not step.
#[cfg(feature = "debug-build")]
pub const STEPS: Field<TcbKind, u64> = Field::at(DEBUGGED.offset() + 8);

/// Word `word` (0 or 1) of breakpoint `number`.
#[cfg(feature = "debug-build")]
pub(crate) const fn breakpoint(number: usize, word: usize) -> Field<TcbKind, u64> {
    Field::at(BREAKPOINTS + 16 * number as u64 + 8 * word as u64)
}

/// Flag in [`BLOCK_FLAGS`]: the capability has the Grant right.
pub const BLOCK_GRANT: u64 = 1;
/// Flag in [`BLOCK_FLAGS`]: the capability has the GrantReply right.
pub const BLOCK_GRANT_REPLY: u64 = 2;
/// Flag in [`BLOCK_FLAGS`]: a call, not a send.
pub const BLOCK_CALL: u64 = 4;

/// A capability slot of a thread control block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcbSlot {
    /// Root of the capability space.
    CSpace = 0,
    /// Root of the address space.
    VSpace = 1,
    /// The frame that holds the IPC buffer.
    Buffer = 2,
    /// Handler of faults.
    FaultHandler = 3,
    /// Handler of timeouts.
    TimeoutHandler = 4,
}

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Stopped.
    Inactive = 0,
    /// May run, and continues after the instruction that entered the kernel.
    Running = 1,
    /// May run, and repeats the instruction that entered the kernel.
    Restart = 2,
    /// Waits to receive at an endpoint.
    Receiving = 3,
    /// Waits to send at an endpoint.
    Sending = 4,
    /// Waits for a reply.
    Replying = 5,
    /// Waits for a notification.
    Waiting = 6,
}

impl Word for State {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Running,
            2 => Self::Restart,
            3 => Self::Receiving,
            4 => Self::Sending,
            5 => Self::Replying,
            6 => Self::Waiting,
            _ => Self::Inactive,
        }
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        self as u64
    }
}

/// Which scheduler queue holds a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Queued {
    /// None.
    Not = 0,
    /// The ready queue of its domain and priority.
    Ready = 1,
    /// The queue of threads whose context has no refill ready.
    Release = 2,
}

impl Word for Queued {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Ready,
            2 => Self::Release,
            _ => Self::Not,
        }
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        self as u64
    }
}

/// General purpose register `x<index>` (0 to 30).
pub const fn x(index: u64) -> Field<TcbKind, u64> {
    Field::at(X0 + 8 * index)
}

/// The `index`-th word of the thread's account.
pub(crate) const fn account(index: u64) -> Field<TcbKind, u64> {
    Field::at(ACCOUNTS + 8 * index)
}

/// The `index`-th word of the fault description.
pub const fn fault_word(index: usize) -> Field<TcbKind, u64> {
    Field::at(FAULT_WORDS + 8 * index as u64)
}

impl Obj<TcbKind> {
    /// A capability slot of this thread.
    pub const fn slot(self, which: TcbSlot) -> Slot {
        // A sum, as a control block is aligned to its size; written so that it is plain that it is not zero.
        Slot::at(self.addr() | (SLOTS + which as u64 * slot::SLOT_BYTES))
    }
    /// Where the capability slots start.
    pub const fn slots(self) -> u64 {
        self.addr() + SLOTS
    }
}

/// The thread whose capability slots start at `slots` (the inverse of [`Obj::slots`]).
pub const fn of_slots(slots: u64) -> Tcb {
    Tcb::at(slots - SLOTS)
}
