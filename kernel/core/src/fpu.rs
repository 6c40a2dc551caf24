//! Floating-point registers: loaded when a thread first uses them, kept until another one does.
//!
//! At a switch one comparison tells whether anything beside the registers has to be changed: access to floating point,
//! or in debug kernels the debug registers ([`Access::Unknown`]).

use sel4_abi::thread::tcb_flag;

use crate::ipc::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

/// What is known at a switch about user level's access to the floating-point registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Access {
    /// It traps.
    Off = 0,
    /// It is free.
    On = 1,
    /// Nothing: threads are debugged, and every switch is looked at.
    #[cfg(feature = "debug-build")]
    Unknown = 2,
}

impl<M: Machine> Kernel<M> {
    fn fpu_disabled(&self, thread: Tcb) -> bool {
        self.m.get(thread, tcb::FLAGS) & tcb_flag::FPU_DISABLED != 0
    }

    /// A thread is about to run: only the owner of the loaded registers may use them without a trap.
    #[inline(always)]
    pub(crate) fn refresh_fpu_access(&mut self, thread: Tcb) {
        let on = self.fpu_owner == Some(thread) && !self.fpu_disabled(thread);
        if on as u8 != self.fpu_access as u8 {
            self.change_access(thread, on);
        }
    }

    #[inline(never)]
    fn change_access(&mut self, thread: Tcb, on: bool) {
        self.allow_fpu(on);
        self.refresh_debug(thread);
    }

    fn allow_fpu(&mut self, on: bool) {
        self.m.enable_fpu(on);
        #[cfg(feature = "debug-build")]
        if self.fpu_access == Access::Unknown {
            return;
        }
        self.fpu_access = if on { Access::On } else { Access::Off };
    }

    /// From now on a switch may have to change the debug registers.
    #[cfg(feature = "debug-build")]
    pub(crate) fn look_at_every_switch(&mut self) {
        self.fpu_access = Access::Unknown;
    }

    /// The current thread has used floating point while that was off.
    ///
    /// `number` and `code` describe the exception, should it be a fault.
    pub fn fpu_trap(&mut self, number: u64, code: u64) {
        let Some(thread) = self.current else { return };
        if self.fpu_disabled(thread) {
            return self.user_fault(Fault::UserException { number, code });
        }
        self.allow_fpu(true);
        if self.fpu_owner != Some(thread) {
            if let Some(owner) = self.fpu_owner {
                self.m.save_fpu(owner.addr() + tcb::FPU);
            }
            self.m.load_fpu(thread.addr() + tcb::FPU);
            self.fpu_owner = Some(thread);
        }
    }

    /// The thread goes: its registers need not be saved.
    pub(crate) fn forget_fpu(&mut self, thread: Tcb) {
        if self.fpu_owner == Some(thread) {
            self.fpu_owner = None;
            self.allow_fpu(false);
        }
    }

    /// The thread's flags have changed.
    pub(crate) fn refresh_flags(&mut self, thread: Tcb) {
        if self.current == Some(thread) {
            self.refresh_fpu_access(thread);
        }
    }
}
