//! There is no kernel under a host test.

use super::FastRegisters;
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
    _: FastRegisters,
    _: Word,
    _: &mut IpcBuffer,
) -> (Word, Word, FastRegisters) {
    no_kernel(number)
}

pub(super) fn nb_send_recv(
    number: Syscall,
    _: Word,
    _: Word,
    _: Word,
    _: FastRegisters,
    _: Word,
    _: &mut IpcBuffer,
) -> (Word, Word, FastRegisters) {
    no_kernel(number)
}

pub(super) fn recv(number: Syscall, _: Word, _: Word, _: &mut IpcBuffer) -> (Word, Word, FastRegisters) {
    no_kernel(number)
}

pub(super) fn send_null(number: Syscall, _: Word, _: Word) {
    no_kernel(number)
}

pub(super) fn null(number: Syscall) {
    no_kernel(number)
}

#[cfg(any(feature = "debug-build", feature = "benchmark-build"))]
pub(super) fn simple(number: Syscall, _: Word) -> Word {
    no_kernel(number)
}
