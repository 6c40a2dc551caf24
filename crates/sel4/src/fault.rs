//! What a fault handler receives.

use crate::{IpcBuffer, MessageInfo, Word};
use sel4_abi::fault::{self as abi, FaultType};

/// Declares kinds of faults: label, type, words of the message, and a getter per word that has one.
macro_rules! faults {
    ($(
        $(#[doc = $what:literal])*
        $(#[cfg($condition:meta)])?
        $label:ident => $fault:ident[$length:expr] { $($(#[$doc:meta])* $getter:ident: $place:expr,)* }
    )*) => {
        /// C: `seL4_Fault`.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Fault {
            /// A message that reports no fault.
            NullFault,
            $($(#[doc = $what])* $(#[cfg($condition)])? $fault($fault),)*
        }

        impl Fault {
            /// What a message through a fault endpoint reports, by its label.
            pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
                let words = &ipc_buffer.layout().msg;
                match FaultType::from_raw(info.label()) {
                    $($(#[cfg($condition)])?
                    Some(FaultType::$label) => Self::$fault($fault(core::array::from_fn(|i| words[i]))),)*
                    Some(FaultType::NullFault) | None => Self::NullFault,
                }
            }
        }

        $(
            $(#[doc = $what])*
            $(#[cfg($condition)])?
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $fault([Word; $length]);

            $(#[cfg($condition)])?
            impl $fault {
                /// What has the C API's getters: itself.
                pub const fn inner(&self) -> &Self {
                    self
                }

                $(
                    $(#[$doc])*
                    #[allow(non_snake_case)] // As the C API names them.
                    pub const fn $getter(&self) -> Word {
                        self.0[$place]
                    }
                )*
            }
        )*
    };
}

faults! {
    /// A capability was not found.
    CapFault => CapFault[abi::cap_fault::GUARD_MISMATCH_BITS_FOUND + 1] {
        /// Where the thread would go on.
        get_IP: abi::cap_fault::IP,
        /// The address in the CSpace.
        get_Addr: abi::cap_fault::ADDR,
    }

    /// There is no such system call.
    UnknownSyscall => UnknownSyscall[abi::unknown_syscall::LENGTH] {
        /// Address of the instruction.
        fault_ip: abi::unknown_syscall::FAULT_IP,
        /// The number.
        syscall: abi::unknown_syscall::SYSCALL,
    }

    /// An instruction that may not be, or not so.
    UserException => UserException[abi::user_exception::LENGTH] {
        /// Address of the instruction.
        get_FaultIP: abi::user_exception::FAULT_IP,
        /// What the processor says of it (ESR_EL1).
        get_Number: abi::user_exception::NUMBER,
    }

    /// Memory that is not mapped, or not so.
    VMFault => VmFault[abi::vm_fault::LENGTH] {
        /// Address of the instruction.
        ip: abi::vm_fault::IP,
        /// Address it wanted.
        addr: abi::vm_fault::ADDR,
        /// What the processor says of it (ESR_EL1).
        fsr: abi::vm_fault::FSR,
    }

    /// A budget is spent.
    Timeout => Timeout[abi::timeout::LENGTH] {
        /// Badge of the scheduling context.
        get_data: abi::timeout::DATA,
        /// Microseconds that were used.
        get_consumed: abi::timeout::CONSUMED,
    }

    /// Breakpoint, watchpoint or single step.
    #[cfg(feature = "debug-build")]
    DebugException => DebugException[abi::debug_exception::LENGTH] {
        /// Address of the instruction.
        get_FaultIP: abi::debug_exception::FAULT_IP,
        /// A [`breakpoint_type`](sel4_abi::thread::breakpoint_type).
        get_ExceptionReason: abi::debug_exception::EXCEPTION_REASON,
    }
}

impl VmFault {
    /// Whether it wanted an instruction there.
    pub const fn is_prefetch(&self) -> bool {
        self.0[abi::vm_fault::PREFETCH_FAULT] != 0
    }
}

impl UnknownSyscall {
    /// General register 0 to 7; panics for others.
    pub const fn gpr(&self, ix: usize) -> Word {
        assert!(ix < abi::unknown_syscall::FAULT_IP);
        self.0[abi::unknown_syscall::X0 + ix]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault of a message whose words are tens.
    fn received(label: Word) -> Fault {
        let mut buffer = IpcBuffer::default();
        for (word, tens) in buffer.msg_regs_mut().iter_mut().zip((0..).step_by(10)) {
            *word = tens;
        }
        Fault::new(&buffer, &MessageInfo::new(label, 0, 0, 0))
    }

    #[test]
    fn the_label_says_what_the_words_are() {
        assert!(matches!(received(1), Fault::CapFault(fault) if fault.inner().get_Addr() == 10));
        assert!(matches!(received(3), Fault::UserException(fault) if fault.get_Number() == 30));
        assert!(matches!(received(5), Fault::Timeout(fault) if fault.get_consumed() == 10));
        let Fault::VmFault(fault) = received(6) else {
            panic!()
        };
        assert_eq!((fault.ip(), fault.addr(), fault.fsr()), (0, 10, 30));
        assert!(fault.is_prefetch());
        let Fault::UnknownSyscall(fault) = received(2) else {
            panic!()
        };
        assert_eq!((fault.gpr(7), fault.fault_ip(), fault.syscall()), (70, 80, 120));
    }

    #[test]
    fn a_label_that_is_no_fault_reports_none() {
        assert_eq!(received(0), Fault::NullFault);
        assert_eq!(received(99), Fault::NullFault);
    }
}
