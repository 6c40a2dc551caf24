//! What a test states, and how it says that it was wrong.

use core::fmt::{self, Debug, Write};

use crate::methods;
use crate::sys::{self, Answer};
use sel4_abi::error::Error;

/// A line of text of bounded length; what does not fit is cut off.
#[derive(Clone, Copy)]
pub struct Line {
    bytes: [u8; 320],
    length: usize,
}

impl Line {
    /// The formatted text.
    pub fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut line = Self {
            bytes: [0; 320],
            length: 0,
        };
        // Writing to it cannot fail.
        let _ = line.write_fmt(arguments);
        line
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("(not UTF-8)")
    }
}

impl Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            if self.length < self.bytes.len() {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
        }
        Ok(())
    }
}

/// Why a test failed.
pub struct Failure(pub Line);

/// Result of a test.
pub type Outcome = Result<(), Failure>;

/// States that two values are equal.
pub fn equal<T: PartialEq<U> + Debug, U: Debug>(what: &str, got: T, expected: U) -> Outcome {
    if got == expected {
        Ok(())
    } else {
        Err(Failure(Line::new(format_args!(
            "{what}: expected {expected:x?} got {got:x?}"
        ))))
    }
}

/// States that a measured time lies in a range, if the machine's clock can be trusted.
pub fn between(what: &str, got: u64, low: u64, high: u64) -> Outcome {
    if !sys::exact_clock() || (low..=high).contains(&got) {
        Ok(())
    } else {
        Err(Failure(Line::new(format_args!(
            "{what}: expected {low} to {high} got {got}"
        ))))
    }
}

/// States that an invocation succeeded.
pub fn succeeded(what: &str, answer: &Answer) -> Outcome {
    if answer.label == 0 {
        methods::was_stated(answer.invoked, 0);
        Ok(())
    } else {
        Err(Failure(Line::new(format_args!(
            "{what}: expected success got {answer:?}"
        ))))
    }
}

/// States that an invocation was refused with this error and these message words, no more and no fewer.
pub fn refused(what: &str, answer: &Answer, error: Error, words: &[u64]) -> Outcome {
    if answer.label == error.to_raw() && answer.words() == words {
        methods::was_stated(answer.invoked, answer.label);
        Ok(())
    } else {
        Err(Failure(Line::new(format_args!(
            "{what}: expected {error:?} {words:x?} got {answer:?}"
        ))))
    }
}

/// `eq!(got, expected)`: they are equal.
macro_rules! eq {
    ($got:expr, $expected:expr) => {
        $crate::expect::equal(stringify!($got), $got, $expected)?
    };
}

/// `timed!()`: what follows is about times and is only stated where the machine's clock counts instructions.
macro_rules! timed {
    () => {
        if !$crate::sys::exact_clock() {
            return Ok(());
        }
    };
}

/// `within!(got, low, high)`: a measured time lies in that range, both ends included, where the clock can be trusted.
macro_rules! within {
    ($got:expr, $low:expr, $high:expr) => {
        $crate::expect::between(stringify!($got), $got, $low, $high)?
    };
}

/// `ok!(invocation)`: it succeeds; the value is the answer.
macro_rules! ok {
    ($answer:expr) => {{
        let answer = $answer;
        $crate::expect::succeeded(stringify!($answer), &answer)?;
        answer
    }};
}

/// `err!(invocation, Error, [words])`: it is refused so.
macro_rules! err {
    ($answer:expr, $error:ident, [$($word:expr),* $(,)?]) => {
        $crate::expect::refused(
            stringify!($answer),
            &$answer,
            sel4_abi::error::Error::$error,
            &[$($word as u64),*],
        )?
    };
}

pub(crate) use {eq, err, ok, timed, within};
