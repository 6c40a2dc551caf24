//! Every method of the interface: what its message must hold, and which errors its documentation names.
//!
//! From libsel4's interface files. What every method has is not repeated: a service capability that is not there or of
//! another kind, and a message that is too short. `IllegalOperation` and `InvalidCapability` stand here where they have
//! a further meaning: an object in the wrong state, an argument of the wrong kind.
//!
//! Documented, but no answer of the official kernel: `DeleteFirst` of `Page_Map` (the new mapping takes the old one's
//! place), `RevokeFirst` of `TCB_Configure`, `SetSpace` and `SetIPCBuffer` (a capability of the wrong kind is an
//! `IllegalOperation`), `InvalidArgument` of `TCB_ConfigureSingleStepping` (all arguments will do), `FailedLookup` of
//! `ASIDPool_Assign` (a pool lives as long as a capability to it). Breakpoint methods do not look at the message's
//! length, and numbers out of range halt it: not tried.

use core::sync::atomic::{AtomicU16, Ordering::Relaxed};

use sel4_abi::error::Error::{self, *};
use sel4_abi::invocation::InvocationLabel::{self as L, *};

/// What a method is a method of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    Untyped,
    Tcb,
    CNode,
    IrqControl,
    IrqHandler,
    Domain,
    SchedControl,
    SchedContext,
    VSpace,
    Smc,
    PageTable,
    Page,
    AsidControl,
    AsidPool,
}

/// A method.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its label.
    pub label: L,
    /// Whose it is.
    pub service: Service,
    /// Words that its message must have before anything else is looked at.
    pub words: u64,
    /// Capabilities that its message must have.
    pub caps: u64,
    /// Its documented errors, see above.
    pub errors: &'static [Error],
}

const fn method(label: L, service: Service, words: u64, caps: u64, errors: &'static [Error]) -> Method {
    Method {
        label,
        service,
        words,
        caps,
        errors,
    }
}

const SLOT: &[Error] = &[FailedLookup, RangeError];
const RANGE_OF_PAGE: &[Error] = &[FailedLookup, IllegalOperation, InvalidArgument];
const RANGE_OF_SPACE: &[Error] = &[
    FailedLookup,
    IllegalOperation,
    InvalidArgument,
    InvalidCapability,
    RangeError,
];

/// All methods of this configuration, in the order of their labels.
pub const ALL: &[Method] = &[
    method(
        UntypedRetype,
        Service::Untyped,
        6,
        1,
        &[
            DeleteFirst,
            FailedLookup,
            InvalidArgument,
            NotEnoughMemory,
            RangeError,
        ],
    ),
    method(
        TCBReadRegisters,
        Service::Tcb,
        2,
        0,
        &[IllegalOperation, RangeError],
    ),
    method(TCBWriteRegisters, Service::Tcb, 2, 0, &[IllegalOperation]),
    method(TCBCopyRegisters, Service::Tcb, 1, 1, &[InvalidCapability]),
    method(
        TCBConfigure,
        Service::Tcb,
        3,
        3,
        &[AlignmentError, IllegalOperation],
    ),
    method(
        TCBSetPriority,
        Service::Tcb,
        1,
        1,
        &[InvalidCapability, RangeError],
    ),
    method(
        TCBSetMCPriority,
        Service::Tcb,
        1,
        1,
        &[InvalidCapability, RangeError],
    ),
    method(
        TCBSetSchedParams,
        Service::Tcb,
        2,
        3,
        &[IllegalOperation, InvalidCapability, RangeError],
    ),
    method(TCBSetTimeoutEndpoint, Service::Tcb, 0, 1, &[InvalidCapability]),
    method(
        TCBSetIPCBuffer,
        Service::Tcb,
        1,
        1,
        &[AlignmentError, IllegalOperation],
    ),
    method(
        TCBSetSpace,
        Service::Tcb,
        2,
        3,
        &[IllegalOperation, InvalidCapability],
    ),
    method(TCBSuspend, Service::Tcb, 0, 0, &[]),
    method(TCBResume, Service::Tcb, 0, 0, &[]),
    method(TCBBindNotification, Service::Tcb, 0, 1, &[IllegalOperation]),
    method(TCBUnbindNotification, Service::Tcb, 0, 0, &[IllegalOperation]),
    #[cfg(feature = "debug-build")]
    method(
        TCBSetBreakpoint,
        Service::Tcb,
        0,
        0,
        &[AlignmentError, InvalidArgument, RangeError],
    ),
    #[cfg(feature = "debug-build")]
    method(TCBGetBreakpoint, Service::Tcb, 0, 0, &[]),
    #[cfg(feature = "debug-build")]
    method(TCBUnsetBreakpoint, Service::Tcb, 0, 0, &[]),
    #[cfg(feature = "debug-build")]
    method(TCBConfigureSingleStepping, Service::Tcb, 0, 0, &[]),
    method(TCBSetTLSBase, Service::Tcb, 1, 0, &[]),
    method(TCBSetFlags, Service::Tcb, 2, 0, &[]),
    method(CNodeRevoke, Service::CNode, 2, 0, SLOT),
    method(CNodeDelete, Service::CNode, 2, 0, SLOT),
    method(
        CNodeCancelBadgedSends,
        Service::CNode,
        2,
        0,
        &[FailedLookup, IllegalOperation, RangeError],
    ),
    method(
        CNodeCopy,
        Service::CNode,
        2,
        0,
        &[
            DeleteFirst,
            FailedLookup,
            IllegalOperation,
            RevokeFirst,
            RangeError,
        ],
    ),
    method(
        CNodeMint,
        Service::CNode,
        2,
        0,
        &[
            DeleteFirst,
            FailedLookup,
            IllegalOperation,
            RevokeFirst,
            RangeError,
        ],
    ),
    method(
        CNodeMove,
        Service::CNode,
        2,
        0,
        &[DeleteFirst, FailedLookup, RangeError],
    ),
    method(
        CNodeMutate,
        Service::CNode,
        2,
        0,
        &[DeleteFirst, FailedLookup, IllegalOperation, RangeError],
    ),
    method(
        CNodeRotate,
        Service::CNode,
        2,
        0,
        &[DeleteFirst, FailedLookup, IllegalOperation, RangeError],
    ),
    method(
        IRQIssueIRQHandler,
        Service::IrqControl,
        3,
        1,
        &[DeleteFirst, FailedLookup, RangeError, RevokeFirst],
    ),
    method(IRQAckIRQ, Service::IrqHandler, 0, 0, &[]),
    method(IRQSetIRQHandler, Service::IrqHandler, 0, 1, &[InvalidCapability]),
    method(IRQClearIRQHandler, Service::IrqHandler, 0, 0, &[]),
    method(DomainSetSet, Service::Domain, 1, 1, &[InvalidArgument]),
    method(
        DomainScheduleConfigure,
        Service::Domain,
        3,
        0,
        &[InvalidArgument, RangeError],
    ),
    method(
        DomainScheduleSetStart,
        Service::Domain,
        1,
        0,
        &[InvalidArgument, RangeError],
    ),
    method(
        SchedControlConfigureFlags,
        Service::SchedControl,
        5,
        1,
        &[InvalidCapability, RangeError],
    ),
    method(
        SchedContextBind,
        Service::SchedContext,
        0,
        1,
        &[IllegalOperation, InvalidCapability],
    ),
    method(
        SchedContextUnbind,
        Service::SchedContext,
        0,
        0,
        &[IllegalOperation],
    ),
    method(
        SchedContextUnbindObject,
        Service::SchedContext,
        0,
        1,
        &[IllegalOperation, InvalidCapability],
    ),
    method(SchedContextConsumed, Service::SchedContext, 0, 0, &[]),
    method(
        SchedContextYieldTo,
        Service::SchedContext,
        0,
        0,
        &[IllegalOperation],
    ),
    method(ARMVSpaceCleanData, Service::VSpace, 2, 0, RANGE_OF_SPACE),
    method(ARMVSpaceInvalidateData, Service::VSpace, 2, 0, RANGE_OF_SPACE),
    method(
        ARMVSpaceCleanInvalidateData,
        Service::VSpace,
        2,
        0,
        RANGE_OF_SPACE,
    ),
    method(ARMVSpaceUnifyInstruction, Service::VSpace, 2, 0, RANGE_OF_SPACE),
    method(ARMSMCCall, Service::Smc, 8, 0, &[]),
    method(
        ARMPageTableMap,
        Service::PageTable,
        2,
        1,
        &[DeleteFirst, FailedLookup, InvalidArgument, InvalidCapability],
    ),
    method(ARMPageTableUnmap, Service::PageTable, 0, 0, &[RevokeFirst]),
    method(
        ARMPageMap,
        Service::Page,
        3,
        1,
        &[AlignmentError, FailedLookup, InvalidArgument, InvalidCapability],
    ),
    method(ARMPageUnmap, Service::Page, 0, 0, &[]),
    method(ARMPageCleanData, Service::Page, 2, 0, RANGE_OF_PAGE),
    method(ARMPageInvalidateData, Service::Page, 2, 0, RANGE_OF_PAGE),
    method(ARMPageCleanInvalidateData, Service::Page, 2, 0, RANGE_OF_PAGE),
    method(ARMPageUnifyInstruction, Service::Page, 2, 0, RANGE_OF_PAGE),
    method(ARMPageGetAddress, Service::Page, 0, 0, &[]),
    method(
        ARMASIDControlMakePool,
        Service::AsidControl,
        2,
        2,
        &[
            DeleteFirst,
            FailedLookup,
            InvalidCapability,
            RevokeFirst,
            RangeError,
        ],
    ),
    method(
        ARMASIDPoolAssign,
        Service::AsidPool,
        0,
        1,
        &[DeleteFirst, InvalidCapability],
    ),
    method(
        ARMIRQIssueIRQHandlerTrigger,
        Service::IrqControl,
        4,
        1,
        &[DeleteFirst, FailedLookup, RangeError, RevokeFirst],
    ),
    method(
        ARMIRQIssueSGISignal,
        Service::IrqControl,
        4,
        1,
        &[DeleteFirst, FailedLookup, InvalidArgument, RangeError],
    ),
];

/// A label without a method, or one twice, does not compile.
const _: () = {
    assert!(ALL.len() + 1 == L::ALL.len());
    let mut at = 0;
    while at < ALL.len() {
        assert!(ALL[at].label as usize == at + 1);
        at += 1;
    }
};

/// For every method a bit per answer (0 is success) that a test stated and the kernel gave.
static STATED: [AtomicU16; L::ALL.len()] = [const { AtomicU16::new(0) }; L::ALL.len()];

/// A test stated this answer, and it came.
pub fn was_stated(label: u64, answer: u64) {
    if let Some(stated) = STATED.get(label as usize) {
        stated.fetch_or(1 << (answer & 15), Relaxed);
    }
}

/// Whether a test stated this answer.
pub fn is_stated(label: L, answer: u64) -> bool {
    STATED[label as usize].load(Relaxed) & 1 << answer != 0
}
