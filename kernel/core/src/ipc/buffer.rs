//! A thread's message registers: four in processor registers, the rest in its IPC buffer.

use sel4_abi::ipc_buffer::word;
use sel4_abi::message::{FAST_MESSAGE_REGISTERS, MSG_MAX_LENGTH, MessageInfo};

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, TcbSlot};
use crate::object::{Fields, PhysAddr, Tcb};

/// Number of message registers that are processor registers.
pub const FAST: usize = FAST_MESSAGE_REGISTERS;

impl<M: Machine> Kernel<M> {
    /// Where the thread's IPC buffer lies, if it has one that may be read, or written if `write`.
    #[inline]
    pub(crate) fn buffer(&self, thread: Tcb, write: bool) -> Option<PhysAddr> {
        let Cap::Frame {
            at,
            size,
            write: may_write,
            read,
            device,
            ..
        } = self.m.cap(thread.slot(TcbSlot::Buffer))
        else {
            return None;
        };
        if device || !read || (write && !may_write) {
            return None;
        }
        let inside = self.m.get(thread, tcb::BUFFER) & ((1 << size.bits()) - 1);
        Some(at + inside)
    }

    /// Reads word `index` of the thread's outgoing message.
    #[inline]
    pub(crate) fn message_word(&self, thread: Tcb, buffer: Option<PhysAddr>, index: usize) -> u64 {
        if index < FAST {
            self.m.get(thread, tcb::x(2 + index as u64))
        } else {
            buffer.map_or(0, |at| self.m.load(at, 8 * (word::MSG + index) as u64))
        }
    }

    /// Writes word `index` of a message to the thread, if it can take it.
    #[inline]
    pub(crate) fn set_message_word(
        &mut self,
        thread: Tcb,
        buffer: Option<PhysAddr>,
        index: usize,
        value: u64,
    ) {
        if index < FAST {
            self.m.set(thread, tcb::x(2 + index as u64), value);
        } else if let Some(at) = buffer
            && index < MSG_MAX_LENGTH
        {
            self.m.store(at, 8 * (word::MSG + index) as u64, value);
        }
    }

    /// Writes the words of a message to the thread; how many it could take.
    pub(crate) fn set_message(&mut self, thread: Tcb, words: &[u64]) -> usize {
        let buffer = self.buffer(thread, true);
        for (index, &value) in words.iter().enumerate() {
            self.set_message_word(thread, buffer, index, value);
        }
        if buffer.is_some() {
            words.len()
        } else {
            words.len().min(FAST)
        }
    }

    /// Sets what a receiver sees beside the message words.
    #[inline]
    pub(crate) fn set_badge_and_info(&mut self, thread: Tcb, badge: u64, info: MessageInfo) {
        self.m.set(thread, tcb::x(0), badge);
        self.m.set(thread, tcb::x(1), info.into_word());
    }

    /// Answers an invocation that succeeded: the words of its result.
    pub(crate) fn write_result(&mut self, thread: Tcb, words: &[u64]) {
        let length = self.set_message(thread, words) as u64;
        self.set_badge_and_info(thread, 0, MessageInfo::new(0, 0, 0, length));
    }
}
