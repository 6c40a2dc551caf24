//! Error codes: the label of an invocation's reply.

use crate::Word;
use crate::numbered::numbered;

/// Label of a reply to an invocation that succeeded.
pub const NO_ERROR: Word = 0;
/// Number of codes, success included (`seL4_NumErrors`).
pub const NUM_ERRORS: usize = 11;

numbered! {
    /// `seL4_Error` without `seL4_NoError`. Message words named here are those of the reply.
    pub enum Error: u64 {
        /// An argument is not valid; word 0: its number.
        InvalidArgument = 1,
        /// A capability argument is not of the right kind; word 0: its number.
        InvalidCapability = 2,
        /// The capability has no such method, or not now.
        IllegalOperation = 3,
        /// An argument is out of range; words 0 and 1: the range allowed.
        RangeError = 4,
        /// An address is not aligned.
        AlignmentError = 5,
        /// A capability pointer did not resolve; word 0: was it the source, word 1: [`LookupFailure`], then its parameters.
        FailedLookup = 6,
        /// The message has too few words or capabilities.
        TruncatedMessage = 7,
        /// The destination is in use: delete it first.
        DeleteFirst = 8,
        /// The object has descendants: revoke it first.
        RevokeFirst = 9,
        /// Not enough memory is left in the untyped; word 0: bytes left.
        NotEnoughMemory = 10,
    }
}

numbered! {
    /// Why a capability pointer did not resolve (`seL4_LookupFailureType`).
    pub enum LookupFailure: u64 {
        /// It did resolve.
        NoFailure = 0,
        /// The root is not a CNode.
        InvalidRoot = 1,
        /// A slot on the way, or at the end, is empty.
        MissingCapability = 2,
        /// Bits were left over, or too few were there.
        DepthMismatch = 3,
        /// A CNode's guard differs.
        GuardMismatch = 4,
    }
}

const _: () = assert!(Error::ALL.len() + 1 == NUM_ERRORS);
