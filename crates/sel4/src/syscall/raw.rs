//! System calls between the IPC buffer and the machine registers.

use super::{Badge, FastRegisters, registers};
use crate::{IpcBuffer, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Word, sys};
use sel4_abi::syscall::Syscall;
use sys::{seL4_CPtr as CPtr, seL4_MessageInfo as Info};

/// Reply argument of calls that have none.
pub(super) const NO_REPLY: CPtr = 0;

const FAST: usize = NUM_FAST_MESSAGE_REGISTERS;

/// The first words of the buffer.
pub(super) fn load(buffer: &IpcBuffer) -> FastRegisters {
    core::array::from_fn(|i| buffer.inner().msg[i])
}

/// Puts the first words into the buffer.
pub(super) fn store(buffer: &mut IpcBuffer, words: FastRegisters) {
    buffer.inner_mut().msg[..FAST].copy_from_slice(&words);
}

pub(super) fn send(number: Syscall, dest: CPtr, info: Info, words: FastRegisters, buffer: &mut IpcBuffer) {
    registers::send_recv(number, dest, info.into_word(), words, NO_REPLY, buffer);
}

/// A send without words: nothing of the buffer is read or written.
pub(super) fn signal(dest: CPtr) {
    registers::send_null(Syscall::Send, dest, Info::new(0, 0, 0, 0).into_word());
}

pub(super) fn recv_registers(
    number: Syscall,
    src: CPtr,
    reply: CPtr,
    buffer: &mut IpcBuffer,
) -> (Info, Badge, FastRegisters) {
    let (info, badge, words) = registers::recv(number, src, reply, buffer);
    (Info::from_word(info), badge, words)
}

pub(super) fn recv(number: Syscall, src: CPtr, reply: CPtr, buffer: &mut IpcBuffer) -> (MessageInfo, Badge) {
    let (info, badge, words) = recv_registers(number, src, reply, buffer);
    store(buffer, words);
    (MessageInfo::from_inner(info), badge)
}

pub(super) fn send_recv(
    number: Syscall,
    dest: CPtr,
    info: Info,
    words: FastRegisters,
    reply: CPtr,
    buffer: &mut IpcBuffer,
) -> (Info, Badge, FastRegisters) {
    let (info, badge, words) = registers::send_recv(number, dest, info.into_word(), words, reply, buffer);
    (Info::from_word(info), badge, words)
}

pub(super) fn nb_send_recv(
    number: Syscall,
    dest: CPtr,
    info: Info,
    src: CPtr,
    reply: CPtr,
    buffer: &mut IpcBuffer,
) -> (MessageInfo, Badge) {
    let words = load(buffer);
    let (info, badge, words) =
        registers::nb_send_recv(number, dest, src, info.into_word(), words, reply, buffer);
    store(buffer, words);
    (MessageInfo::from_inner(Info::from_word(info)), badge)
}

pub(super) fn null(number: Syscall) {
    registers::null(number);
}

/// Calls with the given words and capabilities; leaves the answer's words in the buffer and returns its label.
pub(crate) fn call<const WORDS: usize, const CAPS: usize>(
    buffer: &mut IpcBuffer,
    dest: CPtr,
    label: Word,
    words: [Word; WORDS],
    caps: [CPtr; CAPS],
) -> Word {
    let inner = buffer.inner_mut();
    inner.caps_or_badges[..CAPS].copy_from_slice(&caps);
    if WORDS > FAST {
        inner.msg[FAST..WORDS].copy_from_slice(&words[FAST..]);
    }
    let fast = core::array::from_fn(|i| words.get(i).copied().unwrap_or(0));
    let info = Info::new(label, 0, CAPS as Word, WORDS as Word);
    let (info, _badge, fast) = send_recv(Syscall::Call, dest, info, fast, NO_REPLY, buffer);
    store(buffer, fast);
    info.label()
}

/// A system call with one argument and one result, both in the capability register.
#[cfg(any(feature = "debug-build", feature = "benchmark-build"))]
pub(crate) fn simple(number: Syscall, argument: Word) -> Word {
    registers::simple(number, argument)
}

/// The same, of which the kernel leaves more in the buffer.
#[cfg(feature = "benchmark-build")]
pub(crate) fn simple_with_buffer(number: Syscall, argument: Word, buffer: &mut IpcBuffer) -> Word {
    registers::send_recv(number, argument, 0, [0; FAST], NO_REPLY, buffer).1
}

#[cfg(feature = "debug-build")]
pub(crate) fn debug_put_char(c: u8) {
    simple(Syscall::DebugPutChar, c.into());
}

#[cfg(feature = "debug-build")]
pub(crate) fn debug_halt() {
    null(Syscall::DebugHalt);
}

#[cfg(feature = "debug-build")]
pub(crate) fn debug_snapshot() {
    null(Syscall::DebugSnapshot);
}

#[cfg(feature = "debug-build")]
pub(crate) fn debug_cap_identify(cptr: CPtr) -> u32 {
    simple(Syscall::DebugCapIdentify, cptr) as u32
}

/// The name is in the buffer's message words, ended by a zero byte.
#[cfg(feature = "debug-build")]
pub(crate) fn debug_name_thread(buffer: &mut IpcBuffer, tcb: CPtr) {
    registers::send_recv(Syscall::DebugNameThread, tcb, 0, [0; FAST], NO_REPLY, buffer);
}
