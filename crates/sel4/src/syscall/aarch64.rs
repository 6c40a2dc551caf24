//! The SVC instruction and its registers ([`sel4_abi::syscall`]).
//!
//! Every function here takes the IPC buffer, where the kernel may read or write it, and names its address as an
//! operand: the compiler must not assume that memory unchanged, although nothing in the instruction mentions it.

use super::FastWords;
use crate::{IpcBuffer, Word};
use core::arch::asm;
use sel4_abi::syscall::Syscall;

/// Sends (and receives, if the call does): answers message info, badge and words.
pub(super) fn send_recv(
    number: Syscall,
    dest: Word,
    mut info: Word,
    [mut w0, mut w1, mut w2, mut w3]: FastWords,
    reply: Word,
    buffer: &mut IpcBuffer,
) -> (Word, Word, FastWords) {
    let badge;
    // SAFETY: a system call changes no register but those named as outputs, and no memory of ours but the IPC
    // buffer, which is borrowed exclusively. What the called object does with capabilities that the arguments
    // name is the kernel's business; memory it may unmap is the caller's, as documented per invocation.
    unsafe {
        asm!(
            "svc #0 // {buffer}",
            buffer = in(reg) buffer,
            in("x7") number.to_raw(),
            in("x6") reply,
            inlateout("x0") dest => badge,
            inlateout("x1") info,
            inlateout("x2") w0,
            inlateout("x3") w1,
            inlateout("x4") w2,
            inlateout("x5") w3,
            options(nostack),
        );
    }
    (info, badge, [w0, w1, w2, w3])
}

/// Sends to `dest` without blocking and receives from `src`.
pub(super) fn nb_send_recv(
    number: Syscall,
    dest: Word,
    src: Word,
    mut info: Word,
    [mut w0, mut w1, mut w2, mut w3]: FastWords,
    reply: Word,
    buffer: &mut IpcBuffer,
) -> (Word, Word, FastWords) {
    let badge;
    // SAFETY: as in `send_recv`.
    unsafe {
        asm!(
            "svc #0 // {buffer}",
            buffer = in(reg) buffer,
            in("x7") number.to_raw(),
            in("x8") dest,
            in("x6") reply,
            inlateout("x0") src => badge,
            inlateout("x1") info,
            inlateout("x2") w0,
            inlateout("x3") w1,
            inlateout("x4") w2,
            inlateout("x5") w3,
            options(nostack),
        );
    }
    (info, badge, [w0, w1, w2, w3])
}

/// Receives only.
pub(super) fn recv(
    number: Syscall,
    src: Word,
    reply: Word,
    buffer: &mut IpcBuffer,
) -> (Word, Word, FastWords) {
    let (badge, info, w0, w1, w2, w3);
    // SAFETY: as in `send_recv`.
    unsafe {
        asm!(
            "svc #0 // {buffer}",
            buffer = in(reg) buffer,
            in("x7") number.to_raw(),
            in("x6") reply,
            inlateout("x0") src => badge,
            lateout("x1") info,
            lateout("x2") w0,
            lateout("x3") w1,
            lateout("x4") w2,
            lateout("x5") w3,
            options(nostack),
        );
    }
    (info, badge, [w0, w1, w2, w3])
}

/// Sends a message without words.
pub(super) fn send_null(number: Syscall, dest: Word, info: Word) {
    // SAFETY: as in `send_recv`; the kernel neither reads nor writes the buffer. Memory is not declared
    // untouched, so what the receiver is to see is written before.
    unsafe {
        asm!(
            "svc #0",
            in("x7") number.to_raw(),
            inlateout("x0") dest => _,
            inlateout("x1") info => _,
            options(nostack),
        );
    }
}

/// A system call without arguments.
pub(super) fn null(number: Syscall) {
    // SAFETY: as in `send_null`.
    unsafe { asm!("svc #0", in("x7") number.to_raw(), options(nostack)) }
}

/// A system call with an argument, and no message.
#[cfg(feature = "debug-build")]
pub(super) fn put_char(number: Syscall, argument: Word) {
    // SAFETY: as in `send_null`.
    unsafe {
        asm!(
            "svc #0",
            in("x7") number.to_raw(),
            inlateout("x0") argument => _,
            lateout("x1") _,
            lateout("x2") _,
            lateout("x3") _,
            lateout("x4") _,
            lateout("x5") _,
            options(nostack),
        );
    }
}

/// Ends the calling thread for good, by an undefined instruction: its fault handler, or else a debug kernel, says where.
/// Upstream keeps this to its runtimes.
pub fn trap() -> ! {
    // SAFETY: an undefined instruction changes nothing; it is an exception, after which the thread does not go on.
    unsafe { asm!("udf #0", options(noreturn, nomem, nostack)) }
}
