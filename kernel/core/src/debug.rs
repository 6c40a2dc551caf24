//! What a debug kernel says and offers beyond the interface proper; nothing of it in the other configurations.

#[allow(unused_imports)]
use crate::machine::Machine;
#[cfg(not(feature = "debug-build"))]
use crate::{kernel::Kernel, object::Tcb};

#[cfg(feature = "debug-build")]
mod snapshot;
#[cfg(feature = "debug-build")]
mod threads;

#[cfg(all(test, feature = "debug-build"))]
mod tests;

/// Prints through the machine's debug console.
#[cfg(feature = "debug-build")]
struct Console<'a, M>(&'a mut M);

#[cfg(feature = "debug-build")]
impl<M: Machine> core::fmt::Write for Console<'_, M> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            self.put(byte);
        }
        Ok(())
    }
}

#[cfg(feature = "debug-build")]
impl<M: Machine> Console<'_, M> {
    /// A byte; before a line feed goes a carriage return, as on the official kernel's console.
    fn put(&mut self, byte: u8) {
        if byte == b'\n' {
            self.0.put_byte(b'\r');
        }
        self.0.put_byte(byte);
    }
}

#[cfg(not(feature = "debug-build"))]
impl<M: Machine> Kernel<M> {
    pub(crate) fn report_unhandled(&mut self, _: Tcb) {}
    pub(crate) fn report_undelivered(&mut self, _: u32) {}
    pub(crate) fn refresh_debug(&mut self, _: Tcb) {}
    pub(crate) fn prepare_step(&mut self, _: Tcb) {}
    pub(crate) fn set_stepping(&mut self, _: Tcb, _: u64) {}
    pub(crate) fn list_thread(&mut self, _: Tcb) {}
    pub(crate) fn unlist_thread(&mut self, _: Tcb) {}
}

#[cfg(feature = "debug-build")]
mod calls {
    use core::fmt::Write;

    use sel4_abi::fault::FaultType;
    use sel4_abi::syscall::Syscall;

    use super::Console;
    use crate::cap::tree::Tree;
    use crate::cap::{Cap, kind, kind_of};
    use crate::ipc::fault::Fault;
    use crate::kernel::Kernel;
    use crate::machine::Machine;
    use crate::object::tcb::{self, fault_word};
    use crate::object::{Fields, Tcb};

    impl<M: Machine> Kernel<M> {
        /// A thread without a handler has faulted.
        pub(crate) fn report_unhandled(&mut self, thread: Tcb) {
            let what = match FaultType::from_raw(self.m.get(thread, tcb::FAULT_TYPE)) {
                Some(FaultType::CapFault) => "capability fault (pointer, receiving, cause)",
                Some(FaultType::VMFault) => "memory fault (address, status, instruction)",
                Some(FaultType::UnknownSyscall) => "unknown system call (number)",
                Some(FaultType::UserException) => "exception (syndrome)",
                _ => "fault",
            };
            let words: [u64; 3] = core::array::from_fn(|index| self.m.get(thread, fault_word(index)));
            let (pc, sp) = (self.m.get(thread, tcb::RESTART_PC), self.m.get(thread, tcb::SP));
            let lr = self.m.get(thread, tcb::x(30));
            let mut console = Console(&mut self.m);
            let _ = write!(console, "<<kernel: thread ");
            console.put_name(thread, 0);
            let _ = writeln!(
                console,
                " ({thread:?}) stops at {pc:#x}, sp {sp:#x}, lr {lr:#x}: unhandled {what} {:#x} {:#x} {:#x}>>",
                words[0], words[1], words[2]
            );
        }

        /// An interrupt line has a handler but no notification.
        pub(crate) fn report_undelivered(&mut self, irq: u32) {
            let _ = writeln!(Console(&mut self.m), "Undelivered IRQ: {irq}");
        }

        /// The debug system calls.
        pub(crate) fn extra_syscall(&mut self, thread: Tcb, call: Syscall) {
            let argument = self.m.get(thread, tcb::x(0));
            match call {
                Syscall::DebugPutChar => Console(&mut self.m).put(argument as u8),
                Syscall::DebugHalt => {
                    let _ = writeln!(
                        Console(&mut self.m),
                        "Debug halt syscall from user thread {thread:?}"
                    );
                    self.m.halt()
                }
                Syscall::DebugCapIdentify => {
                    let cap = self
                        .lookup_slot(thread, argument)
                        .map_or(Cap::Null, |slot| self.m.cap(slot));
                    self.m.set(thread, tcb::x(0), identify(cap));
                }
                Syscall::DebugNameThread => self.name_thread(thread, argument),
                Syscall::DebugDumpScheduler => self.dump_threads(),
                Syscall::DebugSnapshot => self.snapshot(thread),
                _ => self.fault(
                    thread,
                    Fault::UnknownSyscall {
                        number: call as i64 as u64,
                    },
                ),
            }
        }
    }

    /// The official number of a capability's type.
    fn identify(cap: Cap) -> u64 {
        match kind_of(cap.pack().0) {
            kind::UNTYPED => 2,
            kind::ENDPOINT => 4,
            kind::NOTIFICATION => 6,
            kind::REPLY => 8,
            kind::CNODE => 10,
            kind::TCB => 12,
            kind::IRQ_CONTROL => 14,
            kind::IRQ_HANDLER => 16,
            kind::ZOMBIE => 18,
            kind::DOMAIN => 20,
            kind::SCHED_CONTEXT => 22,
            kind::SCHED_CONTROL => 24,
            kind::FRAME => 1,
            kind::PAGE_TABLE => 3,
            kind::VSPACE => 9,
            kind::ASID_CONTROL => 11,
            kind::ASID_POOL => 13,
            kind::SMC => 25,
            _ => 0,
        }
    }
}
