//! Why an invocation fails, and how the caller is told (manual: "Error Codes").

use sel4_abi::error::Error;

use crate::cap::cspace::LookupFault;
use crate::preempt::Preempted;

/// An error of an invocation, with what its message carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvocationError {
    /// Argument number, counted as the interface does.
    InvalidArgument(u64),
    /// Capability argument number.
    InvalidCapability(u64),
    /// Not possible with this capability, or not now.
    IllegalOperation,
    /// Out of range.
    RangeError {
        /// Least value allowed.
        min: u64,
        /// Greatest value allowed.
        max: u64,
    },
    /// Not aligned.
    AlignmentError,
    /// A capability pointer did not resolve.
    FailedLookup {
        /// It was a source.
        source: bool,
        /// Why.
        cause: LookupFault,
    },
    /// Too few words or capabilities.
    TruncatedMessage,
    /// The destination is taken.
    DeleteFirst,
    /// Derived capabilities or objects exist.
    RevokeFirst,
    /// Bytes that are left.
    NotEnoughMemory(u64),
}

/// Why an invocation did not end well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// An error for the caller.
    Error(InvocationError),
    /// It is to be repeated.
    Preempted,
}

impl From<InvocationError> for Trouble {
    fn from(error: InvocationError) -> Self {
        Self::Error(error)
    }
}

impl From<Preempted> for Trouble {
    fn from(_: Preempted) -> Self {
        Self::Preempted
    }
}

impl InvocationError {
    /// The error as a message: label, words, how many of them.
    pub fn message(self) -> (Error, [u64; 5], usize) {
        match self {
            Self::InvalidArgument(n) => (Error::InvalidArgument, [n, 0, 0, 0, 0], 1),
            Self::InvalidCapability(n) => (Error::InvalidCapability, [n, 0, 0, 0, 0], 1),
            Self::IllegalOperation => (Error::IllegalOperation, [0; 5], 0),
            Self::RangeError { min, max } => (Error::RangeError, [min, max, 0, 0, 0], 2),
            Self::AlignmentError => (Error::AlignmentError, [0; 5], 0),
            Self::FailedLookup { source, cause } => {
                let ([a, b, c, d], count) = cause.words();
                (Error::FailedLookup, [source as u64, a, b, c, d], 1 + count)
            }
            Self::TruncatedMessage => (Error::TruncatedMessage, [0; 5], 0),
            Self::DeleteFirst => (Error::DeleteFirst, [0; 5], 0),
            Self::RevokeFirst => (Error::RevokeFirst, [0; 5], 0),
            Self::NotEnoughMemory(left) => (Error::NotEnoughMemory, [left, 0, 0, 0, 0], 1),
        }
    }
}
