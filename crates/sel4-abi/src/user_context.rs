//! A thread's registers.

use crate::Word;

/// Words of a [`UserContext`].
pub const LENGTH: usize = 36;

/// Registers in the order of `TCB_ReadRegisters` and `TCB_WriteRegisters` (`seL4_UserContext`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[allow(missing_docs)] // The fields are the architecture's register names.
pub struct UserContext {
    pub pc: Word,
    pub sp: Word,
    pub spsr: Word,
    pub x0: Word,
    pub x1: Word,
    pub x2: Word,
    pub x3: Word,
    pub x4: Word,
    pub x5: Word,
    pub x6: Word,
    pub x7: Word,
    pub x8: Word,
    pub x16: Word,
    pub x17: Word,
    pub x18: Word,
    pub x29: Word,
    pub x30: Word,
    pub x9: Word,
    pub x10: Word,
    pub x11: Word,
    pub x12: Word,
    pub x13: Word,
    pub x14: Word,
    pub x15: Word,
    pub x19: Word,
    pub x20: Word,
    pub x21: Word,
    pub x22: Word,
    pub x23: Word,
    pub x24: Word,
    pub x25: Word,
    pub x26: Word,
    pub x27: Word,
    pub x28: Word,
    pub tpidr_el0: Word,
    pub tpidrro_el0: Word,
}

/// Words of the frame registers, the first part of a [`UserContext`]: pc, sp, spsr, x0-x8, x16-x18, x29, x30.
pub const FRAME_REGISTERS: usize = 17;
/// Words of the other integer registers, the second part.
pub const INTEGER_REGISTERS: usize = 19;

/// A register as it stands at some index of a [`UserContext`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// Program counter.
    Pc,
    /// Stack pointer.
    Sp,
    /// Saved program status.
    Spsr,
    /// General register 0 to 30.
    X(u8),
    /// Thread pointer, writable by the thread.
    TpidrEl0,
    /// Thread pointer, read-only to the thread.
    TpidrroEl0,
}

/// The registers in the order of a [`UserContext`].
pub const ORDER: [Register; LENGTH] = {
    use Register::{Pc, Sp, Spsr, TpidrEl0, TpidrroEl0, X};
    let mut order = [Pc; LENGTH];
    order[1] = Sp;
    order[2] = Spsr;
    let general: [u8; 31] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 29, 30, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28,
    ];
    let mut i = 0;
    while i < general.len() {
        order[3 + i] = X(general[i]);
        i += 1;
    }
    order[34] = TpidrEl0;
    order[35] = TpidrroEl0;
    order
};

impl UserContext {
    /// The registers as words, in order.
    pub const fn into_words(self) -> [Word; LENGTH] {
        let c = self;
        [
            c.pc,
            c.sp,
            c.spsr,
            c.x0,
            c.x1,
            c.x2,
            c.x3,
            c.x4,
            c.x5,
            c.x6,
            c.x7,
            c.x8,
            c.x16,
            c.x17,
            c.x18,
            c.x29,
            c.x30,
            c.x9,
            c.x10,
            c.x11,
            c.x12,
            c.x13,
            c.x14,
            c.x15,
            c.x19,
            c.x20,
            c.x21,
            c.x22,
            c.x23,
            c.x24,
            c.x25,
            c.x26,
            c.x27,
            c.x28,
            c.tpidr_el0,
            c.tpidrro_el0,
        ]
    }

    /// Registers from words in order.
    pub const fn from_words(words: [Word; LENGTH]) -> Self {
        let [
            pc,
            sp,
            spsr,
            x0,
            x1,
            x2,
            x3,
            x4,
            x5,
            x6,
            x7,
            x8,
            x16,
            x17,
            x18,
            x29,
            x30,
            x9,
            x10,
            x11,
            x12,
            x13,
            x14,
            x15,
            x19,
            x20,
            x21,
            x22,
            x23,
            x24,
            x25,
            x26,
            x27,
            x28,
            tpidr_el0,
            tpidrro_el0,
        ] = words;
        Self {
            pc,
            sp,
            spsr,
            x0,
            x1,
            x2,
            x3,
            x4,
            x5,
            x6,
            x7,
            x8,
            x16,
            x17,
            x18,
            x29,
            x30,
            x9,
            x10,
            x11,
            x12,
            x13,
            x14,
            x15,
            x19,
            x20,
            x21,
            x22,
            x23,
            x24,
            x25,
            x26,
            x27,
            x28,
            tpidr_el0,
            tpidrro_el0,
        }
    }
}

const _: () = {
    assert!(size_of::<UserContext>() == 288 && LENGTH * size_of::<Word>() == 288);
    assert!(FRAME_REGISTERS + INTEGER_REGISTERS == LENGTH);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_fields_agree() {
        let words = core::array::from_fn(|i| i as Word + 100);
        let context = UserContext::from_words(words);
        assert_eq!(context.into_words(), words);
        assert_eq!(context.pc, 100);
        assert_eq!(context.x16, 112);
        assert_eq!(context.x9, 117);
        assert_eq!(context.tpidrro_el0, 135);
    }

    #[test]
    fn every_register_stands_once_in_the_order() {
        for n in 0..31 {
            assert_eq!(ORDER.iter().filter(|&&r| r == Register::X(n)).count(), 1, "x{n}");
        }
        assert_eq!(ORDER[12], Register::X(16));
        assert_eq!(ORDER[16], Register::X(30));
        assert_eq!(ORDER[17], Register::X(9));
        assert_eq!(ORDER[34], Register::TpidrEl0);
    }
}
