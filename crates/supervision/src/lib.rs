//! What the trusted PDs say to each other: control to root, bus, timer, stager and shadows, and back.
//!
//! A module per conversation. Protected calls carry their operation in the message label and their arguments in
//! message registers; every answer has label [`Code`] and its results in message registers. Asynchronous
//! conversations are fixed-size entries on a link.
#![no_std]
#![forbid(unsafe_code)]

pub mod bus;
pub mod command;
pub mod iommu;
pub mod root;
pub mod shadow;
pub mod stager;
pub mod timer;

/// How a protected call to a trusted PD ended: the label of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Code {
    /// Done; results in the message registers.
    Ok = 0,
    /// Not finished: call again with the same arguments (bounded work per call).
    Again = 1,
    /// The operation is not known, or this caller may not ask for it.
    Denied = 2,
    /// An argument is out of range.
    Invalid = 3,
    /// The object is not in a state in which this can be done.
    WrongState = 4,
    /// No memory (or no slot) for it; nothing was changed.
    NoMemory = 5,
    /// The image breaks a rule (window, overlap, write and execute, entry point).
    BadImage = 6,
    /// The device did not do what it must (a reset that does not read back).
    DeviceFailed = 7,
    /// Nothing there (no event).
    Empty = 8,
    /// Answered by root: the callee died over the call and is started anew. What was asked may have been done or not: ask
    /// again. Every protocol of protected calls reserves this label.
    Restarted = 9,
    /// Answered by root: the callee is dead for good. Every protocol of protected calls reserves this label.
    Gone = 10,
    /// The device would go past the IOMMU behind which it was described.
    Unguarded = 11,
}

impl Code {
    /// The code of an answer's label; anything unknown is [`Code::Invalid`].
    pub fn from_label(label: u64) -> Self {
        match label {
            0 => Self::Ok,
            1 => Self::Again,
            2 => Self::Denied,
            4 => Self::WrongState,
            5 => Self::NoMemory,
            6 => Self::BadImage,
            7 => Self::DeviceFailed,
            8 => Self::Empty,
            9 => Self::Restarted,
            10 => Self::Gone,
            11 => Self::Unguarded,
            _ => Self::Invalid,
        }
    }
}

/// Which of a slot's two device links (and driver notifications) a generation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Side {
    /// First.
    A = 0,
    /// Second.
    B = 1,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
    /// From a message word.
    pub fn from_word(word: u64) -> Option<Self> {
        match word {
            0 => Some(Self::A),
            1 => Some(Self::B),
            _ => None,
        }
    }
}
