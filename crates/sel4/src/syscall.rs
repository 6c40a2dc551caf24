//! System calls, between the IPC buffer and the machine registers.

use crate::{Badge, CPtrBits, IpcBuffer, MessageInfo, Word};
use sel4_abi::message::FAST_MESSAGE_REGISTERS;
use sel4_abi::syscall::Syscall;

#[cfg_attr(target_os = "none", path = "syscall/aarch64.rs")]
#[cfg_attr(not(target_os = "none"), path = "syscall/host.rs")]
mod registers;

pub use registers::trap;

/// The words of a message that travel in machine registers.
pub(crate) type FastWords = [Word; FAST_MESSAGE_REGISTERS];

/// In place of a reply object, where there is none.
pub(crate) const NO_REPLY: CPtrBits = 0;

/// What a message arrives with in registers; the rest of it is in the IPC buffer.
pub(crate) struct Arrived {
    pub(crate) info: MessageInfo,
    pub(crate) badge: Badge,
    pub(crate) words: FastWords,
}

impl Arrived {
    fn new((info, badge, words): (Word, Badge, FastWords)) -> Self {
        let info = MessageInfo::from_word(info);
        Self { info, badge, words }
    }

    /// Completes the message in the buffer.
    pub(crate) fn store(self, buffer: &mut IpcBuffer) -> (MessageInfo, Badge) {
        buffer.layout_mut().msg[..FAST_MESSAGE_REGISTERS].copy_from_slice(&self.words);
        (self.info, self.badge)
    }
}

fn load(buffer: &IpcBuffer) -> FastWords {
    core::array::from_fn(|i| buffer.layout().msg[i])
}

/// Sends a message whose first words are given, and receives another, if the call does.
pub(crate) fn exchange_words(
    number: Syscall,
    dest: CPtrBits,
    info: MessageInfo,
    words: FastWords,
    reply: CPtrBits,
    buffer: &mut IpcBuffer,
) -> Arrived {
    Arrived::new(registers::send_recv(
        number,
        dest,
        info.into_word(),
        words,
        reply,
        buffer,
    ))
}

/// The same for messages that are in the buffer.
pub(crate) fn exchange(
    number: Syscall,
    dest: CPtrBits,
    info: MessageInfo,
    reply: CPtrBits,
    buffer: &mut IpcBuffer,
) -> (MessageInfo, Badge) {
    exchange_words(number, dest, info, load(buffer), reply, buffer).store(buffer)
}

/// Sends the message in the buffer.
pub(crate) fn send(dest: CPtrBits, info: MessageInfo, buffer: &mut IpcBuffer) {
    exchange_words(Syscall::Send, dest, info, load(buffer), NO_REPLY, buffer);
}

/// Sends a message that says nothing: of the buffer nothing is read or written.
pub(crate) fn signal(dest: CPtrBits) {
    registers::send_null(Syscall::Send, dest, MessageInfo::new(0, 0, 0, 0).into_word());
}

/// Receives into the buffer.
pub(crate) fn receive(
    number: Syscall,
    src: CPtrBits,
    reply: CPtrBits,
    buffer: &mut IpcBuffer,
) -> (MessageInfo, Badge) {
    Arrived::new(registers::recv(number, src, reply, buffer)).store(buffer)
}

/// Sends the message in the buffer if somebody waits for it, and receives into it from elsewhere.
pub(crate) fn nb_send_recv(
    dest: CPtrBits,
    info: MessageInfo,
    src: CPtrBits,
    reply: CPtrBits,
    buffer: &mut IpcBuffer,
) -> (MessageInfo, Badge) {
    let (number, words) = (Syscall::NBSendRecv, load(buffer));
    let arrived = registers::nb_send_recv(number, dest, src, info.into_word(), words, reply, buffer);
    Arrived::new(arrived).store(buffer)
}

/// The same, to wait where nobody is answered: what is sent to stands where the reply object stood.
pub(crate) fn nb_send_wait(
    dest: CPtrBits,
    info: MessageInfo,
    src: CPtrBits,
    buffer: &mut IpcBuffer,
) -> (MessageInfo, Badge) {
    let (number, words) = (Syscall::NBSendWait, load(buffer));
    let arrived = registers::nb_send_recv(number, NO_REPLY, src, info.into_word(), words, dest, buffer);
    Arrived::new(arrived).store(buffer)
}

/// Calls a kernel object: the answer's label; its words are in the buffer.
pub(crate) fn call<const WORDS: usize, const CAPS: usize>(
    buffer: &mut IpcBuffer,
    object: CPtrBits,
    label: Word,
    words: [Word; WORDS],
    caps: [CPtrBits; CAPS],
) -> Word {
    let layout = buffer.layout_mut();
    layout.caps_or_badges[..CAPS].copy_from_slice(&caps);
    if let Some((_, slow)) = words.split_at_checked(FAST_MESSAGE_REGISTERS) {
        layout.msg[FAST_MESSAGE_REGISTERS..WORDS].copy_from_slice(slow);
    }
    let info = MessageInfo::new(label, 0, CAPS, WORDS);
    let arrived = exchange_words(Syscall::Call, object, info, padded(words), NO_REPLY, buffer);
    let (info, _badge) = arrived.store(buffer);
    info.label()
}

/// The first words, and zeroes where there are fewer.
pub(crate) fn padded<const WORDS: usize>(words: [Word; WORDS]) -> FastWords {
    core::array::from_fn(|i| words.get(i).copied().unwrap_or(0))
}

pub(crate) fn r#yield() {
    registers::null(Syscall::Yield);
}

#[cfg(feature = "debug-build")]
pub(crate) fn debug_put_char(byte: u8) {
    registers::put_char(Syscall::DebugPutChar, byte.into());
}

/// The name is in the buffer, ended by a zero byte.
#[cfg(feature = "debug-build")]
pub(crate) fn debug_name_thread(buffer: &mut IpcBuffer, tcb: CPtrBits) {
    let nothing = MessageInfo::new(0, 0, 0, 0);
    exchange_words(Syscall::DebugNameThread, tcb, nothing, [0; _], NO_REPLY, buffer);
}
