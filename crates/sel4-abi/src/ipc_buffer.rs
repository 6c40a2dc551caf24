//! The IPC buffer.

use crate::message::{MSG_MAX_EXTRA_CAPS, MSG_MAX_LENGTH};
use crate::{CPtr, Word};
use core::mem::offset_of;

/// log2 of the bytes of an IPC buffer, which is also its alignment.
pub const IPC_BUFFER_SIZE_BITS: usize = 10;

/// A thread's IPC buffer (`seL4_IPCBuffer`), in a frame shared between the thread and the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(1024))]
pub struct IpcBuffer {
    /// Not read by the kernel; userland may keep a message info here.
    pub tag: Word,
    /// Message words. The first four travel in registers, their places here are not touched.
    pub msg: [Word; MSG_MAX_LENGTH],
    /// Free for the thread.
    pub user_data: Word,
    /// Sent: pointers to the capabilities to pass. Received: badges of those that were unwrapped.
    pub caps_or_badges: [Word; MSG_MAX_EXTRA_CAPS],
    /// CNode in which the slot for a received capability is looked up.
    pub receive_cnode: CPtr,
    /// Address of that slot.
    pub receive_index: CPtr,
    /// Bits of that address.
    pub receive_depth: Word,
}

/// Word offsets, for code that has a buffer as words only.
pub mod word {
    /// First message word.
    pub const MSG: usize = 1;
    /// The thread's own word.
    pub const USER_DATA: usize = 121;
    /// First capability or badge.
    pub const CAPS_OR_BADGES: usize = 122;
    /// Receive CNode.
    pub const RECEIVE_CNODE: usize = 125;
    /// Receive address.
    pub const RECEIVE_INDEX: usize = 126;
    /// Receive depth.
    pub const RECEIVE_DEPTH: usize = 127;
}

impl IpcBuffer {
    /// A buffer of zeroes.
    pub const fn new() -> Self {
        Self {
            tag: 0,
            msg: [0; MSG_MAX_LENGTH],
            user_data: 0,
            caps_or_badges: [0; MSG_MAX_EXTRA_CAPS],
            receive_cnode: 0,
            receive_index: 0,
            receive_depth: 0,
        }
    }
}

impl Default for IpcBuffer {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = {
    assert!(size_of::<IpcBuffer>() == 1 << IPC_BUFFER_SIZE_BITS);
    assert!(offset_of!(IpcBuffer, msg) == 8 && word::MSG == 1);
    assert!(offset_of!(IpcBuffer, user_data) == 968 && word::USER_DATA * 8 == 968);
    assert!(offset_of!(IpcBuffer, caps_or_badges) == 976 && word::CAPS_OR_BADGES * 8 == 976);
    assert!(offset_of!(IpcBuffer, receive_cnode) == 1000 && word::RECEIVE_CNODE * 8 == 1000);
    assert!(offset_of!(IpcBuffer, receive_index) == 1008 && word::RECEIVE_INDEX * 8 == 1008);
    assert!(offset_of!(IpcBuffer, receive_depth) == 1016 && word::RECEIVE_DEPTH * 8 == 1016);
};
