//! User registers by name, with what user level may not choose masked off.

use sel4_abi::user_context::Register;

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

/// Processor state bits user level may choose: the condition flags.
const SPSR_USER_BITS: u64 = 0xf000_0000;
/// Processor state of every user thread: EL0, fast interrupts masked, and without debugging system errors too.
pub const SPSR_USER: u64 = if sel4_abi::config::DEBUG_BUILD {
    0x40
} else {
    0x140
};

impl<M: Machine> Kernel<M> {
    /// Reads a register; the program counter is where the thread would restart.
    pub(crate) fn register(&self, thread: Tcb, register: Register) -> u64 {
        match register {
            Register::Pc => self.m.get(thread, tcb::RESTART_PC),
            Register::Sp => self.m.get(thread, tcb::SP),
            Register::Spsr => self.m.get(thread, tcb::SPSR),
            Register::X(n) => self.m.get(thread, tcb::x(n as u64)),
            Register::TpidrEl0 if Some(thread) == self.current => self.m.tls().0,
            Register::TpidrEl0 => self.m.get(thread, tcb::TPIDR),
            Register::TpidrroEl0 => self.m.get(thread, tcb::TPIDRRO),
        }
    }

    /// Writes a register, sanitised.
    pub(crate) fn set_register(&mut self, thread: Tcb, register: Register, value: u64) {
        match register {
            Register::Pc => self.m.set(thread, tcb::RESTART_PC, value),
            Register::Sp => self.m.set(thread, tcb::SP, value),
            Register::Spsr => self.m.set(thread, tcb::SPSR, value & SPSR_USER_BITS | SPSR_USER),
            Register::X(n) => self.m.set(thread, tcb::x(n as u64), value),
            Register::TpidrEl0 => {
                self.m.set(thread, tcb::TPIDR, value);
                self.reload_tls(thread);
            }
            Register::TpidrroEl0 => {
                self.m.set(thread, tcb::TPIDRRO, value);
                self.reload_tls(thread);
            }
        }
    }

    /// The current thread's thread pointers were changed in memory: load them.
    fn reload_tls(&mut self, thread: Tcb) {
        if Some(thread) == self.current {
            self.m
                .set_tls(self.m.get(thread, tcb::TPIDR), self.m.get(thread, tcb::TPIDRRO));
        }
    }
}
