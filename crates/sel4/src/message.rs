//! Descriptors of messages.

use crate::Word;
use sel4_abi::message::MessageInfo as Packed;

/// C: `seL4_MessageInfo_t`: what a message is, and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageInfo(Packed);

impl MessageInfo {
    pub(crate) const fn from_word(word: Word) -> Self {
        Self(Packed::from_word(word))
    }

    pub(crate) const fn into_word(self) -> Word {
        self.0.into_word()
    }

    /// Packs the four fields; bits that do not fit are cut off.
    pub const fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        let counts = [caps_unwrapped as Word, extra_caps as Word, length as Word];
        Self(Packed::new(label, counts[0], counts[1], counts[2]))
    }

    /// What the message is about.
    pub const fn label(&self) -> Word {
        self.0.label()
    }

    /// Its words.
    pub const fn length(&self) -> usize {
        self.0.length() as usize
    }

    /// Its capabilities.
    pub const fn extra_caps(&self) -> usize {
        self.0.extra_caps() as usize
    }
}

/// Makes a [`MessageInfo`] field by field. A field not named is 0; each is named once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageInfoBuilder(Word);

impl MessageInfoBuilder {
    const fn and(self, field: Packed) -> Self {
        Self(self.0 | field.into_word())
    }

    /// Names the label.
    pub const fn label(self, label: Word) -> Self {
        self.and(Packed::new(label, 0, 0, 0))
    }

    /// Names the number of words.
    pub const fn length(self, words: usize) -> Self {
        self.and(Packed::new(0, 0, 0, words as Word))
    }

    /// Names the number of capabilities.
    pub const fn extra_caps(self, caps: usize) -> Self {
        self.and(Packed::new(0, 0, caps as Word, 0))
    }

    /// What was named so far.
    pub const fn build(self) -> MessageInfo {
        MessageInfo::from_word(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_by_field_is_the_same_as_at_once() {
        let built = MessageInfoBuilder::default()
            .length(2)
            .label(7)
            .extra_caps(1)
            .build();
        assert_eq!(built, MessageInfo::new(7, 0, 1, 2));
        assert_eq!((built.label(), built.extra_caps(), built.length()), (7, 1, 2));
    }
}
