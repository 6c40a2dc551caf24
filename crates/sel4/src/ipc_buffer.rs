//! The IPC buffer of a thread.

use crate::{AbsoluteCPtr, Word, cap, helper_macros::newtype_methods, sys};

/// C: `seL4_IPCBuffer`.
#[derive(Default)]
#[repr(transparent)]
pub struct IpcBuffer(sys::seL4_IPCBuffer);

impl IpcBuffer {
    newtype_methods!(sys::seL4_IPCBuffer);

    /// The message registers.
    pub fn msg_regs(&self) -> &[Word] {
        &self.0.msg
    }

    /// The message registers.
    pub fn msg_regs_mut(&mut self) -> &mut [Word] {
        &mut self.0.msg
    }

    /// The message registers as bytes.
    pub fn msg_bytes(&self) -> &[u8] {
        let msg = &self.0.msg;
        // SAFETY: the words are initialised, any byte of them is a valid u8, and the slice covers exactly them
        // for as long as they are borrowed.
        unsafe { core::slice::from_raw_parts(msg.as_ptr().cast(), size_of_val(msg)) }
    }

    /// The message registers as bytes.
    pub fn msg_bytes_mut(&mut self) -> &mut [u8] {
        let msg = &mut self.0.msg;
        let size = size_of_val(msg);
        // SAFETY: as in `msg_bytes`; also any bytes written are valid words, and the borrow is exclusive.
        unsafe { core::slice::from_raw_parts_mut(msg.as_mut_ptr().cast(), size) }
    }

    /// The word that is the thread's own.
    pub fn user_data(&self) -> Word {
        self.0.user_data
    }

    /// Sets the word that is the thread's own.
    pub fn set_user_data(&mut self, data: Word) {
        self.0.user_data = data;
    }

    /// Capabilities to send, or badges received.
    pub fn caps_or_badges(&self) -> &[Word] {
        &self.0.caps_or_badges
    }

    /// Capabilities to send, or badges received.
    pub fn caps_or_badges_mut(&mut self) -> &mut [Word] {
        &mut self.0.caps_or_badges
    }

    /// Where a received capability goes.
    pub fn recv_slot(&self) -> AbsoluteCPtr {
        cap::CNode::from_bits(self.0.receive_cnode)
            .absolute_cptr_from_bits_with_depth(self.0.receive_index, self.0.receive_depth as usize)
    }

    /// Sets where a received capability goes.
    pub fn set_recv_slot(&mut self, slot: &AbsoluteCPtr) {
        self.0.receive_cnode = slot.root().bits();
        self.0.receive_index = slot.path().bits();
        self.0.receive_depth = slot.path().depth() as Word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_words_are_the_same_memory() {
        let mut buffer = IpcBuffer::default();
        buffer.msg_bytes_mut()[8] = 7;
        assert_eq!(buffer.msg_regs()[1].to_le_bytes()[0], 7);
        assert_eq!(buffer.msg_bytes().len(), 960);
    }

    #[test]
    fn receive_slot_is_what_was_set() {
        let mut buffer = IpcBuffer::default();
        let slot = cap::CNode::from_bits(2).absolute_cptr_from_bits_with_depth(33, 17);
        buffer.set_recv_slot(&slot);
        assert_eq!(buffer.recv_slot(), slot);
        assert_eq!(buffer.inner().receive_depth, 17);
    }
}
