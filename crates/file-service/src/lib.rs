//! The contract of the file server: what passes between it and its clients.
//!
//! A session is a link (two pages, each with one writer) and a data region that client and server share. Requests are answered in
//! the order in which they were sent. Paths, file content, and the entries of directories pass through the data region, by offset;
//! the server copies, and has no use for a client's bytes after its answer.
//!
//! - **Paths** are absolute, of components separated by `/`, at most [`PATH_MAX`] bytes and [`DEPTH_MAX`] components. A component
//!   is a name of FAT's short kind (`NAME.EXT`, 8 and 3 characters, case ignored). `.` and `..` are no components: nothing climbs.
//! - **Handles** belong to the session that opened them, at most [`HANDLES_MAX`] at a time. They end with a `Close`, and all of them
//!   when the server was started anew: then they are [`Status::BadHandle`], and the file is to be opened again.
//! - **Sharing**: a file has any number of readers or one writer; who comes second is [`Status::Busy`].
//! - **Positions** are in every request; the server keeps none. A file has no holes: a write begins at its end or before.
//! - **Durability**: what was written before a [`Op::Sync`] is on the disk when that is answered with [`Status::Ok`].
#![no_std]
#![forbid(unsafe_code)]

mod client;

pub use client::{FileClient, Outcome};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Longest path in bytes.
pub const PATH_MAX: usize = 128;
/// Most components of a path.
pub const DEPTH_MAX: usize = 8;
/// Most handles of a session.
pub const HANDLES_MAX: usize = 8;
/// Most bytes that one request moves.
pub const TRANSFER_MAX: u32 = 64 * 1024;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// Path of `len` bytes at `offset`, mode in `flags` ([`Mode`]). The value of the answer is the handle.
    Open = 1,
    /// `handle` ends. What was written is given to the disk, but not made durable.
    Close = 2,
    /// At most `len` bytes of `handle` from `position` to `offset`; the value is how many, 0 at the end of the file.
    Read = 3,
    /// `len` bytes at `offset` to `handle` at `position`; the value is how many.
    Write = 4,
    /// Path of `len` bytes at `offset`; the [`Entry`] is put there. The value is 1.
    Stat = 5,
    /// Path of a directory, of `len` bytes at `offset`; the entries from number `position` are put there, as many as fit into
    /// `room` bytes. The value is how many; 0: there are no more.
    List = 6,
    /// Everything that was written is made durable.
    Sync = 7,
}

impl Op {
    /// From the byte of a request.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Open,
            2 => Self::Close,
            3 => Self::Read,
            4 => Self::Write,
            5 => Self::Stat,
            6 => Self::List,
            7 => Self::Sync,
            _ => return None,
        })
    }
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// To be read. It must exist.
    Read = 0,
    /// To be read and written; made if it does not exist.
    Write = 1,
    /// As `Write`, and emptied.
    Truncate = 2,
}

impl Mode {
    /// From the byte of a request.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Read,
            1 => Self::Write,
            2 => Self::Truncate,
            _ => return None,
        })
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// No such file or directory.
    NotFound = 1,
    /// The path is malformed, too long, or climbs.
    BadPath = 2,
    /// The handle is not open, or not for that.
    BadHandle = 3,
    /// The session has [`HANDLES_MAX`] handles, or the server no room for another open file.
    TooMany = 4,
    /// Somebody writes the file; or it is to be written, and somebody has it open.
    Busy = 5,
    /// A directory where a file must be, or the reverse.
    WrongKind = 6,
    /// The file may not be written.
    ReadOnly = 7,
    /// The disk is full, or the file as long as FAT permits. Of a write, as many bytes as the value says are done.
    NoSpace = 8,
    /// The bytes are not inside the data region, or the position is behind the end of the file.
    OutOfRange = 9,
    /// The request makes no sense (unknown op or mode, reserved field set, too many bytes).
    Invalid = 10,
    /// The disk failed, or what is on it is no FAT volume.
    IoError = 11,
}

impl Status {
    /// From the byte of an answer.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Ok,
            1 => Self::NotFound,
            2 => Self::BadPath,
            3 => Self::BadHandle,
            4 => Self::TooMany,
            5 => Self::Busy,
            6 => Self::WrongKind,
            7 => Self::ReadOnly,
            8 => Self::NoSpace,
            9 => Self::OutOfRange,
            10 => Self::Invalid,
            11 => Self::IoError,
            _ => return None,
        })
    }
}

/// One request. Fields that its op does not name are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileRequest {
    /// Chosen by the client, returned in the answer.
    pub id: u32,
    /// An [`Op`].
    pub op: u8,
    /// A [`Mode`].
    pub flags: u8,
    /// Handle.
    pub handle: u16,
    /// Bytes.
    pub len: u32,
    /// Bytes of the data region that entries may fill.
    pub room: u32,
    /// Byte of the file, or number of an entry.
    pub position: u64,
    /// Byte of the data region.
    pub offset: u64,
}
const _: () = assert!(size_of::<FileRequest>() == 32);

/// One answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileResponse {
    /// The request's.
    pub id: u32,
    /// A [`Status`].
    pub status: u8,
    /// Reserved, 0.
    pub reserved: [u8; 3],
    /// What the op says.
    pub value: u64,
}
const _: () = assert!(size_of::<FileResponse>() == 16);

/// [`Entry::flags`]: a directory.
pub const ENTRY_DIRECTORY: u8 = 1 << 0;
/// [`Entry::flags`]: may not be written.
pub const ENTRY_READ_ONLY: u8 = 1 << 1;

/// A file or directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Entry {
    /// `NAME.EXT`, zero-padded.
    pub name: [u8; 12],
    /// `ENTRY_*` bits.
    pub flags: u8,
    /// Reserved, 0.
    pub reserved: [u8; 3],
    /// Bytes; 0 of a directory.
    pub size: u32,
    /// Last change, in FAT's form: date in the upper half, time in the lower.
    pub modified: u32,
}
const _: () = assert!(size_of::<Entry>() == 24);

impl Entry {
    /// The name as text; empty if it is none.
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|byte| *byte == 0).unwrap_or(12);
        core::str::from_utf8(&self.name[..end]).unwrap_or("")
    }
}
