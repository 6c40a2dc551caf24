//! Errors of invocations.

use core::{fmt, result};

use crate::{Word, sys};
use sel4_abi::error as abi;

/// What an invocation that can fail returns.
pub type Result<T> = result::Result<T, Error>;

/// C: `seL4_Error`. After an error the message registers say more (see [`abi::Error`]).
#[repr(u32)]
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub enum Error {
    /// An argument is not valid.
    InvalidArgument = abi::Error::InvalidArgument as u32,
    /// A capability argument is not of the right kind.
    InvalidCapability = abi::Error::InvalidCapability as u32,
    /// The capability has no such method, or not now.
    IllegalOperation = abi::Error::IllegalOperation as u32,
    /// An argument is out of range.
    RangeError = abi::Error::RangeError as u32,
    /// An address is not aligned.
    AlignmentError = abi::Error::AlignmentError as u32,
    /// A capability pointer did not resolve.
    FailedLookup = abi::Error::FailedLookup as u32,
    /// The message was too short.
    TruncatedMessage = abi::Error::TruncatedMessage as u32,
    /// The destination is in use.
    DeleteFirst = abi::Error::DeleteFirst as u32,
    /// The object has descendants.
    RevokeFirst = abi::Error::RevokeFirst as u32,
    /// The untyped has not enough memory left.
    NotEnoughMemory = abi::Error::NotEnoughMemory as u32,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seL4_Error: {self:?}")
    }
}

impl core::error::Error for Error {}

impl Error {
    const ALL: [Self; abi::NUM_ERRORS - 1] = [
        Self::InvalidArgument,
        Self::InvalidCapability,
        Self::IllegalOperation,
        Self::RangeError,
        Self::AlignmentError,
        Self::FailedLookup,
        Self::TruncatedMessage,
        Self::DeleteFirst,
        Self::RevokeFirst,
        Self::NotEnoughMemory,
    ];

    /// The kernel's number.
    pub const fn into_sys(self) -> sys::seL4_Error::Type {
        self as sys::seL4_Error::Type
    }

    /// The error with that number; none for success.
    ///
    /// A number the kernel never answers with means that no kernel object was invoked:
    /// [`InvalidCapability`](Self::InvalidCapability).
    pub fn from_sys(err: sys::seL4_Error::Type) -> Option<Self> {
        match err {
            sys::seL4_Error::seL4_NoError => None,
            n => Some(
                Self::ALL
                    .get(n as usize - 1)
                    .copied()
                    .unwrap_or(Self::InvalidCapability),
            ),
        }
    }

    /// The result that the label of a reply means.
    pub(crate) fn from_label(label: Word) -> Result<()> {
        match Self::from_sys(u32::try_from(label).unwrap_or(u32::MAX)) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_errors_correspond() {
        for error in Error::ALL {
            assert_eq!(Error::from_sys(error.into_sys()), Some(error));
        }
        assert_eq!(Error::from_sys(0), None);
    }

    #[test]
    fn an_answer_that_is_no_error_code_is_an_error_and_no_panic() {
        assert_eq!(Error::from_label(11), Err(Error::InvalidCapability));
        assert_eq!(Error::from_label(1 << 40), Err(Error::InvalidCapability));
        assert_eq!(Error::from_label(0), Ok(()));
    }
}
