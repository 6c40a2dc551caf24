//! System calls of a benchmark kernel.

use crate::{Error, Result, Word, cap, syscall};
use sel4_abi::syscall::Syscall;

/// C: `seL4_BenchmarkResetLog`: starts a measurement.
pub fn benchmark_reset_log() -> Result<()> {
    Error::from_label(syscall::simple(Syscall::BenchmarkResetLog, 0))
}

/// C: `seL4_BenchmarkFinalizeLog`: ends a measurement.
pub fn benchmark_finalize_log() -> Word {
    syscall::simple(Syscall::BenchmarkFinalizeLog, 0)
}

/// C: `seL4_BenchmarkSetLogBuffer`.
pub fn benchmark_set_log_buffer(frame: cap::UnspecifiedPage) -> Result<()> {
    Error::from_label(syscall::simple(Syscall::BenchmarkSetLogBuffer, frame.bits()))
}

/// Corresponds to `seL4_BenchmarkGetThreadUtilisation`: leaves what
/// [`utilisation`](sel4_abi::syscall::utilisation) indexes in the message registers.
pub fn benchmark_get_thread_utilisation(tcb: cap::Tcb) {
    crate::with_ipc_buffer_mut(|ipc_buffer| {
        syscall::simple_with_buffer(Syscall::BenchmarkGetThreadUtilisation, tcb.bits(), ipc_buffer);
    });
}

/// C: `seL4_BenchmarkResetThreadUtilisation`.
pub fn benchmark_reset_thread_utilisation(tcb: cap::Tcb) {
    syscall::simple(Syscall::BenchmarkResetThreadUtilisation, tcb.bits());
}
