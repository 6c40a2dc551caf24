//! Registers of a thread.

use crate::{Word, helper_macros::newtype_methods, sys};

/// C: `seL4_UserContext`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserContext(sys::seL4_UserContext);

/// The general register number `$ix` of `$context`, borrowed by `$borrow`.
macro_rules! general_register {
    ($context:expr, $ix:expr, $($borrow:tt)+) => {
        match $ix {
            0 => $($borrow)+ $context.x0,
            1 => $($borrow)+ $context.x1,
            2 => $($borrow)+ $context.x2,
            3 => $($borrow)+ $context.x3,
            4 => $($borrow)+ $context.x4,
            5 => $($borrow)+ $context.x5,
            6 => $($borrow)+ $context.x6,
            7 => $($borrow)+ $context.x7,
            8 => $($borrow)+ $context.x8,
            9 => $($borrow)+ $context.x9,
            10 => $($borrow)+ $context.x10,
            11 => $($borrow)+ $context.x11,
            12 => $($borrow)+ $context.x12,
            13 => $($borrow)+ $context.x13,
            14 => $($borrow)+ $context.x14,
            15 => $($borrow)+ $context.x15,
            16 => $($borrow)+ $context.x16,
            17 => $($borrow)+ $context.x17,
            18 => $($borrow)+ $context.x18,
            19 => $($borrow)+ $context.x19,
            20 => $($borrow)+ $context.x20,
            21 => $($borrow)+ $context.x21,
            22 => $($borrow)+ $context.x22,
            23 => $($borrow)+ $context.x23,
            24 => $($borrow)+ $context.x24,
            25 => $($borrow)+ $context.x25,
            26 => $($borrow)+ $context.x26,
            27 => $($borrow)+ $context.x27,
            28 => $($borrow)+ $context.x28,
            29 => $($borrow)+ $context.x29,
            30 => $($borrow)+ $context.x30,
            _ => panic!("no such general register"),
        }
    };
}

impl UserContext {
    newtype_methods!(sys::seL4_UserContext);

    /// Program counter.
    pub fn pc(&self) -> &Word {
        &self.0.pc
    }

    /// Program counter.
    pub fn pc_mut(&mut self) -> &mut Word {
        &mut self.0.pc
    }

    /// Stack pointer.
    pub fn sp(&self) -> &Word {
        &self.0.sp
    }

    /// Stack pointer.
    pub fn sp_mut(&mut self) -> &mut Word {
        &mut self.0.sp
    }

    /// Saved program status.
    pub fn spsr(&self) -> &Word {
        &self.0.spsr
    }

    /// Saved program status.
    pub fn spsr_mut(&mut self) -> &mut Word {
        &mut self.0.spsr
    }

    /// General register `ix`, 0 to 30; panics for others.
    pub fn gpr(&self, ix: usize) -> &Word {
        general_register!(self.0, ix, &)
    }

    /// General register `ix`, 0 to 30; panics for others.
    pub fn gpr_mut(&mut self, ix: usize) -> &mut Word {
        general_register!(self.0, ix, &mut)
    }

    /// Register of a C function's parameter `ix`, 0 to 7; panics for others.
    pub fn c_param(&self, ix: usize) -> &Word {
        assert!(ix < 8);
        self.gpr(ix)
    }

    /// Register of a C function's parameter `ix`, 0 to 7; panics for others.
    pub fn c_param_mut(&mut self, ix: usize) -> &mut Word {
        assert!(ix < 8);
        self.gpr_mut(ix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sel4_abi::user_context::{ORDER, Register};

    #[test]
    fn general_registers_are_where_the_kernel_looks_for_them() {
        let mut context = UserContext::default();
        for n in 0..31 {
            *context.gpr_mut(n) = n as Word + 1;
        }
        for (register, word) in ORDER.into_iter().zip(context.inner().into_words()) {
            if let Register::X(n) = register {
                assert_eq!(word, Word::from(n) + 1);
            }
        }
    }
}
