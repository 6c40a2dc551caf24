//! Invocation labels: the message label of a call on a capability says which method is meant.
//!
//! Arguments that are capabilities travel as extra capabilities, in the order of the interface description; all
//! others as message words, each in a word of its own unless small ones (flags) follow each other.

use crate::numbered::numbered;

numbered! {
    /// Labels of this configuration, counted without the methods it lacks.
    pub enum InvocationLabel: u64 {
        /// Never a valid label.
        InvalidInvocation = 0,
        /// `Untyped_Retype`
        UntypedRetype,
        /// `TCB_ReadRegisters`
        TCBReadRegisters,
        /// `TCB_WriteRegisters`
        TCBWriteRegisters,
        /// `TCB_CopyRegisters`
        TCBCopyRegisters,
        /// `TCB_Configure`
        TCBConfigure,
        /// `TCB_SetPriority`
        TCBSetPriority,
        /// `TCB_SetMCPriority`
        TCBSetMCPriority,
        /// `TCB_SetSchedParams`
        TCBSetSchedParams,
        /// `TCB_SetTimeoutEndpoint`
        TCBSetTimeoutEndpoint,
        /// `TCB_SetIPCBuffer`
        TCBSetIPCBuffer,
        /// `TCB_SetSpace`
        TCBSetSpace,
        /// `TCB_Suspend`
        TCBSuspend,
        /// `TCB_Resume`
        TCBResume,
        /// `TCB_BindNotification`
        TCBBindNotification,
        /// `TCB_UnbindNotification`
        TCBUnbindNotification,
        /// `TCB_SetBreakpoint`
        #[cfg(feature = "debug-build")]
        TCBSetBreakpoint,
        /// `TCB_GetBreakpoint`
        #[cfg(feature = "debug-build")]
        TCBGetBreakpoint,
        /// `TCB_UnsetBreakpoint`
        #[cfg(feature = "debug-build")]
        TCBUnsetBreakpoint,
        /// `TCB_ConfigureSingleStepping`
        #[cfg(feature = "debug-build")]
        TCBConfigureSingleStepping,
        /// `TCB_SetTLSBase`
        TCBSetTLSBase,
        /// `TCB_SetFlags`
        TCBSetFlags,
        /// `CNode_Revoke`
        CNodeRevoke,
        /// `CNode_Delete`
        CNodeDelete,
        /// `CNode_CancelBadgedSends`
        CNodeCancelBadgedSends,
        /// `CNode_Copy`
        CNodeCopy,
        /// `CNode_Mint`
        CNodeMint,
        /// `CNode_Move`
        CNodeMove,
        /// `CNode_Mutate`
        CNodeMutate,
        /// `CNode_Rotate`
        CNodeRotate,
        /// `IRQControl_Get`
        IRQIssueIRQHandler,
        /// `IRQHandler_Ack`
        IRQAckIRQ,
        /// `IRQHandler_SetNotification`
        IRQSetIRQHandler,
        /// `IRQHandler_Clear`
        IRQClearIRQHandler,
        /// `DomainSet_Set`
        DomainSetSet,
        /// `DomainSet_ScheduleConfigure`
        DomainScheduleConfigure,
        /// `DomainSet_ScheduleSetStart`
        DomainScheduleSetStart,
        /// `SchedControl_ConfigureFlags`
        SchedControlConfigureFlags,
        /// `SchedContext_Bind`
        SchedContextBind,
        /// `SchedContext_Unbind`
        SchedContextUnbind,
        /// `SchedContext_UnbindObject`
        SchedContextUnbindObject,
        /// `SchedContext_Consumed`
        SchedContextConsumed,
        /// `SchedContext_YieldTo`
        SchedContextYieldTo,
        /// `ARM_VSpace_Clean_Data`
        ARMVSpaceCleanData,
        /// `ARM_VSpace_Invalidate_Data`
        ARMVSpaceInvalidateData,
        /// `ARM_VSpace_CleanInvalidate_Data`
        ARMVSpaceCleanInvalidateData,
        /// `ARM_VSpace_Unify_Instruction`
        ARMVSpaceUnifyInstruction,
        /// `ARM_SMC_Call`
        ARMSMCCall,
        /// `ARM_PageTable_Map`
        ARMPageTableMap,
        /// `ARM_PageTable_Unmap`
        ARMPageTableUnmap,
        /// `ARM_Page_Map`
        ARMPageMap,
        /// `ARM_Page_Unmap`
        ARMPageUnmap,
        /// `ARM_Page_Clean_Data`
        ARMPageCleanData,
        /// `ARM_Page_Invalidate_Data`
        ARMPageInvalidateData,
        /// `ARM_Page_CleanInvalidate_Data`
        ARMPageCleanInvalidateData,
        /// `ARM_Page_Unify_Instruction`
        ARMPageUnifyInstruction,
        /// `ARM_Page_GetAddress`
        ARMPageGetAddress,
        /// `ARM_ASIDControl_MakePool`
        ARMASIDControlMakePool,
        /// `ARM_ASIDPool_Assign`
        ARMASIDPoolAssign,
        /// `IRQControl_GetTrigger`
        ARMIRQIssueIRQHandlerTrigger,
        /// `IRQControl_IssueSGISignal`
        ARMIRQIssueSGISignal,
    }
}

/// Flag bits of the first word of `TCB_ReadRegisters`.
pub mod read_registers {
    /// Suspend the thread first.
    pub const SUSPEND: u64 = 1;
}

/// Flag bits of the first word of `TCB_WriteRegisters`.
pub mod write_registers {
    /// Resume the thread afterwards.
    pub const RESUME: u64 = 1;
}

/// Flag bits of the first word of `TCB_CopyRegisters`.
pub mod copy_registers {
    /// Suspend the source first.
    pub const SUSPEND_SOURCE: u64 = 1;
    /// Resume the destination afterwards.
    pub const RESUME_TARGET: u64 = 1 << 1;
    /// Copy the registers a system call preserves by convention (pc, sp, spsr, x0-x8, x16-x18, x29, x30).
    pub const TRANSFER_FRAME: u64 = 1 << 2;
    /// Copy the others.
    pub const TRANSFER_INTEGER: u64 = 1 << 3;
}

const _: () = {
    // What a configuration leaves out shifts the rest: four breakpoint invocations.
    let shift = if crate::config::HARDWARE_DEBUG_API { 0 } else { 4 };
    assert!(InvocationLabel::TCBUnbindNotification as u64 == 15);
    assert!(InvocationLabel::TCBSetTLSBase as u64 == 20 - shift);
    assert!(InvocationLabel::CNodeRevoke as u64 == 22 - shift);
    assert!(InvocationLabel::IRQIssueIRQHandler as u64 == 30 - shift);
    assert!(InvocationLabel::SchedControlConfigureFlags as u64 == 37 - shift);
    assert!(InvocationLabel::ARMVSpaceCleanData as u64 == 43 - shift);
    assert!(InvocationLabel::ARMPageMap as u64 == 50 - shift);
    assert!(InvocationLabel::ARMPageGetAddress as u64 == 56 - shift);
    assert!(InvocationLabel::ARMIRQIssueSGISignal as u64 == 60 - shift);
};
