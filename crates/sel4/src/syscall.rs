//! System calls.

use core::array;

use crate::{
    Cap, CapType, ConveysReplyAuthority, InvocationContext, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Word,
    cap,
};
use sel4_abi::message::MSG_MAX_LENGTH;
use sel4_abi::syscall::Syscall;

#[cfg_attr(target_os = "none", path = "syscall/aarch64.rs")]
#[cfg_attr(not(target_os = "none"), path = "syscall/host.rs")]
mod registers;

mod raw;

pub(crate) use raw::call;
#[cfg(feature = "debug-build")]
pub(crate) use raw::{debug_cap_identify, debug_halt, debug_name_thread, debug_put_char, debug_snapshot};
#[cfg(feature = "benchmark-build")]
pub(crate) use raw::{simple, simple_with_buffer};

/// Words that a message can have.
pub const NUM_MESSAGE_REGISTERS: usize = MSG_MAX_LENGTH;

/// What a minted capability tells its receiver.
pub type Badge = Word;

/// The message words that travel in machine registers.
pub(crate) type FastRegisters = [Word; NUM_FAST_MESSAGE_REGISTERS];

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// C: `seL4_Send`.
    pub fn send(self, info: MessageInfo) {
        self.invoke(|cptr, ipc_buffer| {
            raw::send(
                Syscall::Send,
                cptr,
                info.into_inner(),
                raw::load(ipc_buffer),
                ipc_buffer,
            );
        })
    }

    /// C: `seL4_NBSend`.
    pub fn nb_send(self, info: MessageInfo) {
        self.invoke(|cptr, ipc_buffer| {
            raw::send(
                Syscall::NBSend,
                cptr,
                info.into_inner(),
                raw::load(ipc_buffer),
                ipc_buffer,
            );
        })
    }

    /// C: `seL4_NBSendRecv`.
    pub fn nb_send_recv<U: CapType>(
        self,
        info: MessageInfo,
        src: Cap<U>,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| {
            raw::nb_send_recv(
                Syscall::NBSendRecv,
                cptr,
                info.into_inner(),
                src.bits(),
                reply,
                ipc_buffer,
            )
        })
    }

    /// C: `seL4_NBSendWait`. No wrapper of this name exists upstream.
    pub fn nb_send_wait<U: CapType>(self, info: MessageInfo, src: Cap<U>) -> (MessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| {
            raw::nb_send_recv(
                Syscall::NBSendWait,
                0,
                info.into_inner(),
                src.bits(),
                cptr,
                ipc_buffer,
            )
        })
    }

    /// C: `seL4_Recv`.
    pub fn recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| raw::recv(Syscall::Recv, cptr, reply, ipc_buffer))
    }

    /// C: `seL4_NBRecv`.
    pub fn nb_recv(self, reply_authority: impl ConveysReplyAuthority) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| raw::recv(Syscall::NBRecv, cptr, reply, ipc_buffer))
    }

    /// C: `seL4_Call`.
    pub fn call(self, info: MessageInfo) -> MessageInfo {
        self.invoke(|cptr, ipc_buffer| {
            let (info, _badge, registers) = raw::send_recv(
                Syscall::Call,
                cptr,
                info.into_inner(),
                raw::load(ipc_buffer),
                raw::NO_REPLY,
                ipc_buffer,
            );
            raw::store(ipc_buffer, registers);
            MessageInfo::from_inner(info)
        })
    }

    /// C: `seL4_ReplyRecv`.
    pub fn reply_recv(
        self,
        info: MessageInfo,
        reply_authority: impl ConveysReplyAuthority,
    ) -> (MessageInfo, Badge) {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| {
            let (info, badge, registers) = raw::send_recv(
                Syscall::ReplyRecv,
                cptr,
                info.into_inner(),
                raw::load(ipc_buffer),
                reply,
                ipc_buffer,
            );
            raw::store(ipc_buffer, registers);
            (MessageInfo::from_inner(info), badge)
        })
    }

    /// [`send`](Self::send) with the first words of the message given here (those not given are 0); the others are
    /// in the IPC buffer.
    pub fn send_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) {
        let registers = messages.prepare_in().map(|word| word.unwrap_or(0));
        self.invoke(|cptr, ipc_buffer| {
            raw::send(Syscall::Send, cptr, info.into_inner(), registers, ipc_buffer);
        })
    }

    /// [`recv`](Self::recv) that returns the first words of the message, instead of leaving them in the IPC buffer.
    pub fn recv_with_mrs(self, reply_authority: impl ConveysReplyAuthority) -> RecvWithMRs {
        let reply = reply_authority.into_reply_authority().bits();
        self.invoke(|cptr, ipc_buffer| {
            let (info, badge, msg) = raw::recv_registers(Syscall::Recv, cptr, reply, ipc_buffer);
            RecvWithMRs {
                info: MessageInfo::from_inner(info),
                badge,
                msg,
            }
        })
    }

    /// [`call`](Self::call) that takes and returns the first words of the messages, past the IPC buffer.
    pub fn call_with_mrs<M: FastMessages>(self, info: MessageInfo, messages: M) -> CallWithMRs {
        let words = messages.prepare_in_out();
        self.invoke(|cptr, ipc_buffer| {
            let (info, _badge, msg) = raw::send_recv(
                Syscall::Call,
                cptr,
                info.into_inner(),
                words,
                raw::NO_REPLY,
                ipc_buffer,
            );
            CallWithMRs {
                info: MessageInfo::from_inner(info),
                msg,
            }
        })
    }
}

impl<C: InvocationContext> cap::Notification<C> {
    /// C: `seL4_Signal`.
    pub fn signal(self) {
        self.invoke(|cptr, _| raw::signal(cptr));
    }

    /// C: `seL4_Wait`.
    pub fn wait(self) -> (MessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| raw::recv(Syscall::Wait, cptr, raw::NO_REPLY, ipc_buffer))
    }

    /// C: `seL4_Poll`.
    pub fn poll(self) -> (MessageInfo, Badge) {
        self.invoke(|cptr, ipc_buffer| raw::recv(Syscall::NBWait, cptr, raw::NO_REPLY, ipc_buffer))
    }
}

/// C: `seL4_Yield`.
pub fn r#yield() {
    raw::null(Syscall::Yield);
}

/// The result of [`recv_with_mrs`](Cap::recv_with_mrs).
pub struct RecvWithMRs {
    /// Descriptor of the message.
    pub info: MessageInfo,
    /// Badge of the sender.
    pub badge: Badge,
    /// First words of the message.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// The result of [`call_with_mrs`](Cap::call_with_mrs).
pub struct CallWithMRs {
    /// Descriptor of the reply.
    pub info: MessageInfo,
    /// First words of the reply.
    pub msg: [Word; NUM_FAST_MESSAGE_REGISTERS],
}

/// Arrays of up to four words, which travel in registers.
pub trait FastMessages: fast_messages_sealing::FastMessagesSealed {
    /// The words, for a message that is sent.
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS];

    /// The words, for a message that is sent and answered.
    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS];
}

impl<const N: usize> FastMessages for [Word; N]
where
    [Word; N]: fast_messages_sealing::FastMessagesSealed,
{
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS] {
        array::from_fn(|i| self.get(i).copied())
    }

    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS] {
        array::from_fn(|i| self.get(i).copied().unwrap_or(0))
    }
}

/// Panics for more words than there are registers.
impl FastMessages for &[Word] {
    fn prepare_in(self) -> [Option<Word>; NUM_FAST_MESSAGE_REGISTERS] {
        assert!(self.len() <= NUM_FAST_MESSAGE_REGISTERS);
        array::from_fn(|i| self.get(i).copied())
    }

    fn prepare_in_out(self) -> [Word; NUM_FAST_MESSAGE_REGISTERS] {
        assert!(self.len() <= NUM_FAST_MESSAGE_REGISTERS);
        array::from_fn(|i| self.get(i).copied().unwrap_or(0))
    }
}

mod fast_messages_sealing {
    use super::Word;

    pub trait FastMessagesSealed {}

    impl FastMessagesSealed for [Word; 0] {}
    impl FastMessagesSealed for [Word; 1] {}
    impl FastMessagesSealed for [Word; 2] {}
    impl FastMessagesSealed for [Word; 3] {}
    impl FastMessagesSealed for [Word; 4] {}
    impl FastMessagesSealed for &[Word] {}
}
