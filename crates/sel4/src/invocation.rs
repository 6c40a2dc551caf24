//! Invocations: calls on capabilities to kernel objects.

mod arch;
mod cnode;
mod irq;
mod sched;
mod tcb;
mod untyped;

pub use sched::Time;
pub use tcb::TcbFlagsBuilder;

use crate::{CPtrBits, Error, IpcBuffer, Result, Word, syscall};
use sel4_abi::invocation::InvocationLabel;

/// Invokes `service` with the given words and capabilities. The answer's words are in the buffer afterwards.
fn invoke<const WORDS: usize, const CAPS: usize>(
    ipc_buffer: &mut IpcBuffer,
    service: CPtrBits,
    label: InvocationLabel,
    words: [Word; WORDS],
    caps: [CPtrBits; CAPS],
) -> Result<()> {
    Error::from_label(syscall::call(ipc_buffer, service, label.to_raw(), words, caps))
}

/// The same for an answer of one word.
fn invoke_for_word<const WORDS: usize>(
    ipc_buffer: &mut IpcBuffer,
    service: CPtrBits,
    label: InvocationLabel,
    words: [Word; WORDS],
) -> Result<Word> {
    invoke(ipc_buffer, service, label, words, [])?;
    Ok(ipc_buffer.inner().msg[0])
}
