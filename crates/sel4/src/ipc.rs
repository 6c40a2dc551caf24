//! Methods of whatever messages and signals go through.

use crate::syscall::{self, Arrived, FastWords, NO_REPLY};
use crate::{Cap, CapType, InvocationContext, MessageInfo, Word, cap};
use sel4_abi::message::FAST_MESSAGE_REGISTERS;
use sel4_abi::syscall::Syscall;

/// What a capability says of itself to who receives through it.
pub type Badge = Word;

/// Messages are in the IPC buffer, unless said otherwise.
impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// C: `seL4_Send`: sends, when somebody receives.
    pub fn send(self, info: MessageInfo) {
        self.lend(|dest, buffer| syscall::send(dest, info, buffer));
    }

    /// C: `seL4_Recv`: receives, when somebody sends. `reply` then stands for a caller.
    pub fn recv(self, reply: cap::Reply) -> (MessageInfo, Badge) {
        self.lend(|src, buffer| syscall::receive(Syscall::Recv, src, reply.bits(), buffer))
    }

    /// C: `seL4_Call`: sends, and receives the answer.
    pub fn call(self, info: MessageInfo) -> MessageInfo {
        self.lend(|dest, buffer| syscall::exchange(Syscall::Call, dest, info, NO_REPLY, buffer).0)
    }

    /// [`call`](Self::call) with at most four words, and of the answer the first four, past the IPC buffer.
    pub fn call_with_mrs<const N: usize>(self, info: MessageInfo, messages: [Word; N]) -> CallWithMRs {
        const { assert!(N <= FAST_MESSAGE_REGISTERS, "words that go in registers") };
        let words = syscall::padded(messages);
        let Arrived { info, words: msg, .. } = self
            .lend(|dest, buffer| syscall::exchange_words(Syscall::Call, dest, info, words, NO_REPLY, buffer));
        CallWithMRs { info, msg }
    }

    /// C: `seL4_ReplyRecv`: answers the caller `reply` stands for, and receives.
    pub fn reply_recv(self, info: MessageInfo, reply: cap::Reply) -> (MessageInfo, Badge) {
        self.lend(|src, buffer| syscall::exchange(Syscall::ReplyRecv, src, info, reply.bits(), buffer))
    }

    /// C: `seL4_NBSendRecv`: sends, if somebody receives, and receives from `src`.
    pub fn nb_send_recv<Source: CapType>(
        self,
        info: MessageInfo,
        src: Cap<Source>,
        reply: cap::Reply,
    ) -> (MessageInfo, Badge) {
        self.lend(|dest, buffer| syscall::nb_send_recv(dest, info, src.bits(), reply.bits(), buffer))
    }

    /// C: `seL4_NBSendWait`: sends, if somebody receives, and waits at `src`.
    pub fn nb_send_wait<Source: CapType>(self, info: MessageInfo, src: Cap<Source>) -> (MessageInfo, Badge) {
        self.lend(|dest, buffer| syscall::nb_send_wait(dest, info, src.bits(), buffer))
    }
}

/// An answer that came in registers.
pub struct CallWithMRs {
    /// Its descriptor.
    pub info: MessageInfo,
    /// Its first words.
    pub msg: FastWords,
}

impl<C: InvocationContext> cap::Notification<C> {
    /// C: `seL4_Signal`: adds the capability's badge to the notification's word.
    pub fn signal(self) {
        self.lend(|dest, _| syscall::signal(dest));
    }

    /// C: `seL4_Wait`: takes the word, when it is not empty.
    pub fn wait(self) -> (MessageInfo, Badge) {
        self.lend(|src, buffer| syscall::receive(Syscall::Wait, src, NO_REPLY, buffer))
    }

    /// C: `seL4_Poll`: takes the word as it is.
    pub fn poll(self) -> (MessageInfo, Badge) {
        self.lend(|src, buffer| syscall::receive(Syscall::NBWait, src, NO_REPLY, buffer))
    }
}

/// C: `seL4_Yield`: gives up the rest of the budget.
pub fn r#yield() {
    syscall::r#yield();
}
