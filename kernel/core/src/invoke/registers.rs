//! Reading, writing and copying a thread's registers.

use sel4_abi::invocation::{copy_registers, read_registers, write_registers};
use sel4_abi::user_context::{FRAME_REGISTERS, LENGTH, ORDER, Register};

use crate::cap::Cap;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

impl<M: Machine> Kernel<M> {
    pub(crate) fn read_registers(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(2, 0)?;
        let (flags, count) = (call.word(self, 0), call.word(self, 1));
        if count < 1 || count > LENGTH as u64 {
            return Err(InvocationError::RangeError {
                min: 1,
                max: LENGTH as u64,
            }
            .into());
        }
        if Some(thread) == self.current {
            return Err(InvocationError::IllegalOperation.into());
        }
        if flags & read_registers::SUSPEND != 0 {
            self.suspend(thread);
        }
        let buffer = self.buffer(call.caller, true);
        for (index, &register) in ORDER.iter().enumerate().take(count as usize) {
            let value = self.register(thread, register);
            self.set_message_word(call.caller, buffer, index, value);
        }
        let moved = if buffer.is_some() {
            count as usize
        } else {
            (count as usize).min(4)
        };
        Ok(Outcome::Written(moved))
    }

    pub(crate) fn write_registers(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(2, 0)?;
        let (flags, count) = (call.word(self, 0), call.word(self, 1));
        if ((call.length - 2) as u64) < count {
            return Err(InvocationError::TruncatedMessage.into());
        }
        if Some(thread) == self.current {
            return Err(InvocationError::IllegalOperation.into());
        }
        for (index, &register) in ORDER.iter().enumerate().take(count as usize) {
            let value = call.word(self, 2 + index);
            self.set_register(thread, register, value);
        }
        self.go_on_from_restart_pc(thread);
        if flags & write_registers::RESUME != 0 {
            self.resume(thread);
        }
        Ok(Outcome::Done)
    }

    pub(crate) fn copy_registers(&mut self, to: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(1, 1)?;
        let flags = call.word(self, 0);
        let Cap::Tcb(from) = call.extra_cap(self, 0)? else {
            return Err(InvocationError::InvalidCapability(1).into());
        };
        if flags & copy_registers::SUSPEND_SOURCE != 0 {
            self.suspend(from);
        }
        if flags & copy_registers::RESUME_TARGET != 0 {
            self.resume(to);
        }
        if flags & copy_registers::TRANSFER_FRAME != 0 {
            self.copy_some(from, to, &ORDER[..FRAME_REGISTERS]);
            self.go_on_from_restart_pc(to);
        }
        if flags & copy_registers::TRANSFER_INTEGER != 0 {
            self.copy_some(from, to, &ORDER[FRAME_REGISTERS..]);
        }
        if Some(to) == self.current {
            self.reschedule();
        }
        Ok(Outcome::Done)
    }

    fn copy_some(&mut self, from: Tcb, to: Tcb, registers: &[Register]) {
        for &register in registers {
            let value = self.register(from, register);
            self.set_register(to, register, value);
        }
    }

    /// The program counter just set counts also if the thread is running.
    fn go_on_from_restart_pc(&mut self, thread: Tcb) {
        let pc = self.m.get(thread, tcb::RESTART_PC);
        self.m.set(thread, tcb::PC, pc);
    }
}
