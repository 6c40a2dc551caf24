//! Errors of invocations.

use crate::Word;
use sel4_abi::error::NO_ERROR;

pub use sel4_abi::error::Error;

/// What an invocation returns. After an error the IPC buffer's words say more, see [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// What the label of an answer means. One that is no error code never comes from a kernel object: something else was
/// called, and the capability was not what it was taken for.
pub(crate) fn check(label: Word) -> Result<()> {
    match label {
        NO_ERROR => Ok(()),
        code => Err(Error::from_raw(code).unwrap_or(Error::InvalidCapability)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_error() {
        assert_eq!(check(0), Ok(()));
        for &error in Error::ALL {
            assert_eq!(check(error.to_raw()), Err(error));
        }
    }

    #[test]
    fn an_answer_that_is_no_error_code_is_an_error_and_no_panic() {
        assert_eq!(check(11), Err(Error::InvalidCapability));
        assert_eq!(check(1 << 40), Err(Error::InvalidCapability));
    }
}
