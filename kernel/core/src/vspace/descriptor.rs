//! Table entries of the architecture (Arm ARM, "VMSAv8-64 translation table format descriptors").

use crate::object::PhysAddr;

const VALID: u64 = 1;
const TABLE_OR_PAGE: u64 = 1 << 1;
const ATTR_SHIFT: u32 = 2;
const USER: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 3 << 8;
const ACCESSED: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
const PRIVILEGED_NEVER: u64 = 1 << 53;
const USER_NEVER: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// Memory attribute index of strongly ordered device memory, as `MAIR_EL1` is set up.
pub const DEVICE: u64 = 0;
/// Memory attribute index of normal cached memory.
pub const NORMAL: u64 = 4;

/// The last level.
pub const LAST_LEVEL: u32 = 3;

/// What a user mapping allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Readable by the user at all.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub execute: bool,
    /// Cached.
    pub cached: bool,
}

/// An entry that leads to a table.
pub const fn table(at: PhysAddr) -> u64 {
    at | VALID | TABLE_OR_PAGE
}

/// An entry that maps a frame for user level at `level` (1: 1 GiB, 2: 2 MiB, 3: 4 KiB).
pub const fn user_frame(at: PhysAddr, level: u32, access: Access) -> u64 {
    let mut entry = at | VALID | ACCESSED | INNER_SHAREABLE | NOT_GLOBAL | PRIVILEGED_NEVER;
    entry |= (if access.cached { NORMAL } else { DEVICE }) << ATTR_SHIFT;
    if level == LAST_LEVEL {
        entry |= TABLE_OR_PAGE;
    }
    if access.read {
        entry |= USER;
        if !access.write {
            entry |= READ_ONLY;
        }
    }
    if !access.execute {
        entry |= USER_NEVER;
    }
    entry
}

/// An entry that maps memory for the kernel at `level`.
pub const fn kernel_frame(at: PhysAddr, level: u32, write: bool, execute: bool, device: bool) -> u64 {
    let mut entry = at | VALID | ACCESSED | INNER_SHAREABLE | USER_NEVER;
    entry |= (if device { DEVICE } else { NORMAL }) << ATTR_SHIFT;
    if level == LAST_LEVEL {
        entry |= TABLE_OR_PAGE;
    }
    if !write {
        entry |= READ_ONLY;
    }
    if !execute {
        entry |= PRIVILEGED_NEVER;
    }
    entry
}

/// Does the entry map or lead to anything?
pub const fn is_valid(entry: u64) -> bool {
    entry & VALID != 0
}

/// Does an entry of `level` lead to a table?
pub const fn is_table(entry: u64, level: u32) -> bool {
    level < LAST_LEVEL && entry & (VALID | TABLE_OR_PAGE) == VALID | TABLE_OR_PAGE
}

/// May user level write through the entry?
pub const fn is_user_writable(entry: u64) -> bool {
    entry & (VALID | USER | READ_ONLY) == VALID | USER
}

/// The address in an entry.
pub const fn address(entry: u64) -> PhysAddr {
    entry & ADDRESS
}

/// Address bits that an entry of `level` leaves to be translated.
pub const fn bits_left(level: u32) -> u32 {
    12 + 9 * (LAST_LEVEL - level)
}
