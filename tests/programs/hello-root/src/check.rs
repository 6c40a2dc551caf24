//! What is checked.

mod capabilities;
mod copies;
mod faults;
mod ipc;
mod machine;
mod ours;
mod ram;

use core::fmt;

use crate::console::println;
use crate::memory::Memory;

/// Why a check did not hold.
pub enum Failure {
    /// The kernel refused.
    Error(sel4::Error),
    /// A statement was not true.
    Untrue(&'static str),
}

impl From<sel4::Error> for Failure {
    fn from(error: sel4::Error) -> Self {
        Self::Error(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error:?}"),
            Self::Untrue(statement) => write!(f, "not true: {statement}"),
        }
    }
}

/// Result of a check.
pub type Outcome = Result<(), Failure>;

/// Fails the check if the statement is not true.
macro_rules! ensure {
    ($statement:expr) => {
        if !$statement {
            return Err($crate::check::Failure::Untrue(stringify!($statement)));
        }
    };
}

pub(crate) use ensure;

/// What a check gets.
pub struct Context<'a, 'b> {
    pub bootinfo: &'a sel4::BootInfoPtr,
    pub memory: &'b mut Memory<'a>,
}

type Check = fn(&mut Context<'_, '_>) -> Outcome;

const CHECKS: &[(&str, Check)] = &[
    ("bytes are copied whole, and none beside them", copies::are_exact),
    ("bytes are filled, and none beside them", copies::fill_exactly),
    (
        "bytes are compared, and none beside them",
        copies::compare_exactly,
    ),
    ("all memory is given out", ram::is_given_out),
    ("all memory is real", ram::is_real),
    ("frames are mapped, written, unmapped", machine::frames),
    (
        "capabilities are copied, minted, moved, deleted, revoked",
        capabilities::cnode_operations,
    ),
    ("errors are the documented ones", capabilities::errors),
    ("notifications collect badges", ipc::notifications),
    ("a thread is called and answers", ipc::call_and_reply),
    ("long messages arrive whole", ipc::long_messages),
    ("capabilities travel in messages", ipc::capability_transfer),
    ("consumed time is accounted", machine::consumed_time),
    (
        "faults are caught and repaired, a spent budget is a timeout",
        faults::all,
    ),
    ("the user timer interrupts", machine::timer_interrupt),
    (
        "firmware that is not there is an error",
        ours::firmware_that_is_not_there,
    ),
];

/// Runs all, stops at the first that fails.
pub fn all<'a>(bootinfo: &'a sel4::BootInfoPtr, memory: &mut Memory<'a>) -> Outcome {
    for (name, check) in CHECKS {
        check(&mut Context { bootinfo, memory })?;
        println!("ok  {name}");
    }
    Ok(())
}
