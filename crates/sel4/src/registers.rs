//! Registers of a thread.

use crate::Word;
use sel4_abi::user_context::{LENGTH, ORDER, Register};

/// C: `seL4_UserContext`: the registers in the order in which they are read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserContext(pub(crate) [Word; LENGTH]);

/// Where in that order the registers are that have a method.
struct Places {
    pc: usize,
    sp: usize,
    general: [usize; 31],
}

const PLACES: Places = {
    let (mut pc, mut sp, mut general) = (LENGTH, LENGTH, [LENGTH; 31]);
    let mut place = 0;
    while place < LENGTH {
        match ORDER[place] {
            Register::Pc => pc = place,
            Register::Sp => sp = place,
            Register::X(n) => general[n as usize] = place,
            Register::Spsr | Register::TpidrEl0 | Register::TpidrroEl0 => {}
        }
        place += 1;
    }
    Places { pc, sp, general }
};

/// Parameters that the C calling convention passes in registers.
const C_PARAMS: usize = 8;

impl UserContext {
    /// Program counter.
    pub const fn pc(&self) -> &Word {
        &self.0[PLACES.pc]
    }

    /// Program counter, to write.
    pub const fn pc_mut(&mut self) -> &mut Word {
        &mut self.0[PLACES.pc]
    }

    /// Stack pointer, to write.
    pub const fn sp_mut(&mut self) -> &mut Word {
        &mut self.0[PLACES.sp]
    }

    /// General register 0 to 30; panics for others.
    pub const fn gpr(&self, ix: usize) -> &Word {
        &self.0[PLACES.general[ix]]
    }

    /// General register 0 to 30, to write; panics for others.
    pub const fn gpr_mut(&mut self, ix: usize) -> &mut Word {
        &mut self.0[PLACES.general[ix]]
    }

    /// Register of parameter 0 to 7 of a C function, to write; panics for others.
    pub fn c_param_mut(&mut self, ix: usize) -> &mut Word {
        &mut self.0[PLACES.general[..C_PARAMS][ix]]
    }
}

impl Default for UserContext {
    fn default() -> Self {
        Self([0; LENGTH])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_where_the_kernel_looks_for_them() {
        let mut context = UserContext::default();
        for n in 0..31 {
            *context.gpr_mut(n) = n as Word + 1;
        }
        *context.pc_mut() = 100;
        *context.sp_mut() = 101;
        for (register, &word) in ORDER.iter().zip(&context.0) {
            let expected = match register {
                Register::X(n) => Word::from(*n) + 1,
                Register::Pc => 100,
                Register::Sp => 101,
                _ => 0,
            };
            assert_eq!(word, expected, "{register:?}");
        }
        assert_eq!((*context.pc(), *context.gpr(30)), (100, 31));
    }

    #[test]
    fn parameters_are_the_first_eight_registers() {
        let mut context = UserContext::default();
        *context.c_param_mut(7) = 9;
        assert_eq!(*context.gpr(7), 9);
        assert!(std::panic::catch_unwind(move || *context.c_param_mut(8) = 1).is_err());
    }
}
