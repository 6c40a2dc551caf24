//! Message descriptors.

use crate::{Word, helper_macros::newtype_methods, sys};

/// C: `seL4_MessageInfo_t`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInfo(sys::seL4_MessageInfo);

impl MessageInfo {
    newtype_methods!(sys::seL4_MessageInfo);

    /// A message info from its fields.
    pub fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        Self(sys::seL4_MessageInfo::new(
            label,
            caps_unwrapped as Word,
            extra_caps as Word,
            length as Word,
        ))
    }

    /// The label.
    pub fn label(&self) -> Word {
        self.0.label()
    }

    /// Bits of a label.
    pub const fn label_width() -> usize {
        sel4_abi::message::MSG_LABEL_BITS
    }

    /// Bit set of the capabilities that arrived as badges.
    pub fn caps_unwrapped(&self) -> usize {
        self.0.caps_unwrapped() as usize
    }

    /// Number of capabilities.
    pub fn extra_caps(&self) -> usize {
        self.0.extra_caps() as usize
    }

    /// Number of words.
    pub fn length(&self) -> usize {
        self.0.length() as usize
    }
}

impl From<MessageInfoBuilder> for MessageInfo {
    fn from(builder: MessageInfoBuilder) -> Self {
        builder.build()
    }
}

/// Puts a [`MessageInfo`] together, field by field.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct MessageInfoBuilder {
    label: Word,
    caps_unwrapped: usize,
    extra_caps: usize,
    length: usize,
}

impl MessageInfoBuilder {
    /// The message info set so far.
    pub fn build(self) -> MessageInfo {
        MessageInfo::new(self.label, self.caps_unwrapped, self.extra_caps, self.length)
    }

    /// Sets the label.
    #[must_use]
    pub fn label(mut self, label: Word) -> Self {
        self.label = label;
        self
    }

    /// Sets the bit set of capabilities that are badges.
    #[must_use]
    pub fn caps_unwrapped(mut self, caps_unwrapped: usize) -> Self {
        self.caps_unwrapped = caps_unwrapped;
        self
    }

    /// Sets the number of capabilities.
    #[must_use]
    pub fn extra_caps(mut self, extra_caps: usize) -> Self {
        self.extra_caps = extra_caps;
        self
    }

    /// Sets the number of words.
    #[must_use]
    pub fn length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }
}
