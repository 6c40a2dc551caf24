//! There is no kernel under a host test.

use super::FastWords;
use crate::{IpcBuffer, Word};
use sel4_abi::syscall::Syscall;

#[cold]
fn no_kernel(number: Syscall) -> ! {
    unimplemented!("seL4 system call {number:?} on the host")
}

pub(super) fn send_recv(
    number: Syscall,
    _: Word,
    _: Word,
    _: FastWords,
    _: Word,
    _: &mut IpcBuffer,
) -> (Word, Word, FastWords) {
    no_kernel(number)
}

pub(super) fn nb_send_recv(
    number: Syscall,
    _: Word,
    _: Word,
    _: Word,
    _: FastWords,
    _: Word,
    _: &mut IpcBuffer,
) -> (Word, Word, FastWords) {
    no_kernel(number)
}

pub(super) fn recv(number: Syscall, _: Word, _: Word, _: &mut IpcBuffer) -> (Word, Word, FastWords) {
    no_kernel(number)
}

pub(super) fn send_null(number: Syscall, _: Word, _: Word) {
    no_kernel(number)
}

pub(super) fn null(number: Syscall) {
    no_kernel(number)
}

#[cfg(feature = "debug-build")]
pub(super) fn put_char(number: Syscall, _: Word) {
    no_kernel(number)
}

/// Ends the calling thread, here by a panic.
pub fn trap() -> ! {
    panic!("the thread ends itself")
}
