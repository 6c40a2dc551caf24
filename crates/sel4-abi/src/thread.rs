//! Thread and scheduling flags.

use crate::Word;

/// Flags of `TCB_SetFlags` (`seL4_TCBFlag`).
pub mod tcb_flag {
    use super::Word;

    /// None.
    pub const NO_FLAG: Word = 0;
    /// The thread has no floating-point registers; using them is a user exception.
    pub const FPU_DISABLED: Word = 1;
    /// All flags of this configuration; others are ignored.
    pub const MASK: Word = FPU_DISABLED;
}

/// Flags of `SchedControl_ConfigureFlags` (`seL4_SchedContextFlag`).
pub mod sched_context_flag {
    use super::Word;

    /// None.
    pub const NO_FLAG: Word = 0;
    /// Sporadic: budget comes back a period after it was used, instead of being topped up.
    pub const SPORADIC: Word = 1;
}

/// Values of the `type` argument of `TCB_SetBreakpoint` and of a debug exception's reason.
pub mod breakpoint_type {
    use super::Word;

    /// Data watchpoint.
    pub const DATA_BREAKPOINT: Word = 0;
    /// Instruction breakpoint.
    pub const INSTRUCTION_BREAKPOINT: Word = 1;
    /// Single step.
    pub const SINGLE_STEP: Word = 2;
    /// A breakpoint instruction.
    pub const SOFTWARE_BREAK_REQUEST: Word = 3;
}

/// Values of the `trigger` argument of `IRQControl_GetTrigger`.
pub mod irq_trigger {
    use super::Word;

    /// Level-sensitive.
    pub const LEVEL: Word = 0;
    /// Edge-triggered.
    pub const EDGE: Word = 1;
}
