//! Messages of protected procedures. Their words are in the message registers, which calls and answers share.

use sel4::Word;

/// C: `microkit_msginfo`: what a message is about, and how many words it has.
#[derive(Clone, Debug)]
pub struct MessageInfo(pub(crate) sel4::MessageInfo);

impl MessageInfo {
    /// C: `microkit_msginfo_new`.
    pub const fn new(label: Word, count: usize) -> Self {
        Self(sel4::MessageInfo::new(label, 0, 0, count))
    }

    /// What it is about.
    pub const fn label(&self) -> Word {
        self.0.label()
    }

    /// How many words it has.
    pub const fn count(&self) -> usize {
        self.0.length()
    }
}

/// C: `microkit_mr_get`. Panics if there is no such register.
pub fn get_mr(i: usize) -> Word {
    sel4::with_ipc_buffer(|buffer| buffer.msg_regs()[i])
}

/// C: `microkit_mr_set`. Panics if there is no such register.
pub fn set_mr(i: usize, value: Word) {
    with_msg_regs_mut(|registers| registers[i] = value);
}

/// Lends all message registers.
pub fn with_msg_regs_mut<R>(f: impl FnOnce(&mut [Word]) -> R) -> R {
    sel4::with_ipc_buffer_mut(|buffer| f(buffer.msg_regs_mut()))
}
