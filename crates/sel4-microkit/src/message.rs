//! Messages of protected procedures.

/// The label of a message.
pub type MessageLabel = sel4::Word;

/// The type of a message register.
pub type MessageRegisterValue = sel4::Word;

/// A message's label and length.
#[derive(Debug, Clone)]
pub struct MessageInfo {
    inner: sel4::MessageInfo,
}

impl MessageInfo {
    #[doc(hidden)]
    pub fn from_inner(inner: sel4::MessageInfo) -> Self {
        Self { inner }
    }

    #[doc(hidden)]
    pub fn inner(&self) -> &sel4::MessageInfo {
        &self.inner
    }

    #[doc(hidden)]
    pub fn into_inner(self) -> sel4::MessageInfo {
        self.inner
    }

    /// C: `microkit_msginfo_new`: `count` is the number of message registers.
    pub fn new(label: MessageLabel, count: usize) -> Self {
        Self::from_inner(sel4::MessageInfo::new(label, 0, 0, count))
    }

    /// What the message is about.
    pub fn label(&self) -> MessageLabel {
        self.inner.label()
    }

    /// The number of meaningful bits in a [`MessageLabel`].
    pub const fn label_width() -> usize {
        sel4::MessageInfo::label_width()
    }

    /// How many words it carries.
    pub fn count(&self) -> usize {
        self.inner.length()
    }

    /// The [`sel4::Fault`] that this message reports.
    pub fn fault(&self) -> sel4::Fault {
        sel4::with_ipc_buffer(|ipc_buffer| sel4::Fault::new(ipc_buffer, self.inner()))
    }
}

impl Default for MessageInfo {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

/// Lends the message registers.
pub fn with_msg_regs<T>(f: impl FnOnce(&[MessageRegisterValue]) -> T) -> T {
    sel4::with_ipc_buffer(|ipc_buffer| f(ipc_buffer.msg_regs()))
}

/// Lends the message registers to write.
pub fn with_msg_regs_mut<T>(f: impl FnOnce(&mut [MessageRegisterValue]) -> T) -> T {
    sel4::with_ipc_buffer_mut(|ipc_buffer| f(ipc_buffer.msg_regs_mut()))
}

/// Lends the message registers as bytes.
pub fn with_msg_bytes<T>(f: impl FnOnce(&[u8]) -> T) -> T {
    sel4::with_ipc_buffer(|ipc_buffer| f(ipc_buffer.msg_bytes()))
}

/// Provides mutable access to the protection domain's message registers, viewed as an array of bytes.
pub fn with_msg_bytes_mut<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    sel4::with_ipc_buffer_mut(|ipc_buffer| f(ipc_buffer.msg_bytes_mut()))
}

/// C: `microkit_mr_set`. Panics if there is no register `i`.
pub fn set_mr(i: usize, value: MessageRegisterValue) {
    with_msg_regs_mut(|regs| regs[i] = value)
}

/// C: `microkit_mr_get`. Panics if there is no register `i`.
pub fn get_mr(i: usize) -> MessageRegisterValue {
    with_msg_regs(|regs| regs[i])
}
