//! Fault messages.

use crate::{IpcBuffer, MessageInfo, Word, helper_macros::newtype_methods, sys};
use sel4_abi::fault::FaultType;

/// Wrapper of the words of one kind of fault.
macro_rules! declare_fault_newtype {
    ($t:ident, $sys:ident) => {
        #[doc = concat!("Corresponds to `", stringify!($sys), "`.")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $t(sys::$sys);

        impl $t {
            newtype_methods!(sys::$sys);
        }
    };
}

declare_fault_newtype!(NullFault, seL4_Fault_NullFault);
declare_fault_newtype!(CapFault, seL4_Fault_CapFault);
declare_fault_newtype!(UnknownSyscall, seL4_Fault_UnknownSyscall);
declare_fault_newtype!(UserException, seL4_Fault_UserException);
declare_fault_newtype!(VmFault, seL4_Fault_VMFault);
declare_fault_newtype!(Timeout, seL4_Fault_Timeout);
#[cfg(feature = "debug-build")]
declare_fault_newtype!(DebugException, seL4_Fault_DebugException);

/// C: `seL4_Fault`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The variants' types say what they are.
pub enum Fault {
    NullFault(NullFault),
    CapFault(CapFault),
    UnknownSyscall(UnknownSyscall),
    UserException(UserException),
    VmFault(VmFault),
    Timeout(Timeout),
    #[cfg(feature = "debug-build")]
    DebugException(DebugException),
}

impl Fault {
    /// The fault that a message received through a fault endpoint describes.
    ///
    /// A label that is no fault gives a [`NullFault`].
    pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
        let words = ipc_buffer.msg_regs();
        match FaultType::from_raw(info.label()) {
            Some(FaultType::CapFault) => {
                Self::CapFault(CapFault(sys::seL4_Fault_CapFault::from_message(words)))
            }
            Some(FaultType::UnknownSyscall) => Self::UnknownSyscall(UnknownSyscall(
                sys::seL4_Fault_UnknownSyscall::from_message(words),
            )),
            Some(FaultType::UserException) => {
                Self::UserException(UserException(sys::seL4_Fault_UserException::from_message(words)))
            }
            #[cfg(feature = "debug-build")]
            Some(FaultType::DebugException) => Self::DebugException(DebugException(
                sys::seL4_Fault_DebugException::from_message(words),
            )),
            Some(FaultType::Timeout) => Self::Timeout(Timeout(sys::seL4_Fault_Timeout::from_message(words))),
            Some(FaultType::VMFault) => Self::VmFault(VmFault(sys::seL4_Fault_VMFault::from_message(words))),
            Some(FaultType::NullFault) | None => {
                Self::NullFault(NullFault(sys::seL4_Fault_NullFault::from_message(words)))
            }
        }
    }
}

impl UnknownSyscall {
    /// Program counter.
    pub fn fault_ip(&self) -> Word {
        self.0.get_FaultIP()
    }

    /// Stack pointer.
    pub fn sp(&self) -> Word {
        self.0.get_SP()
    }

    /// Link register.
    pub fn lr(&self) -> Word {
        self.0.get_LR()
    }

    /// The number asked for.
    pub fn syscall(&self) -> Word {
        self.0.get_Syscall()
    }

    /// Saved program status.
    pub fn spsr(&self) -> Word {
        self.0.get_SPSR()
    }

    /// General register `ix`, 0 to 7; panics for others.
    pub fn gpr(&self, ix: usize) -> Word {
        assert!(ix < 8);
        self.0.0[ix]
    }
}

impl VmFault {
    /// Program counter.
    pub fn ip(&self) -> Word {
        self.0.get_IP()
    }

    /// Address that was accessed.
    pub fn addr(&self) -> Word {
        self.0.get_Addr()
    }

    /// Whether it was an instruction fetch.
    pub fn is_prefetch(&self) -> bool {
        self.0.get_PrefetchFault() != 0
    }

    /// Exception syndrome (ESR_EL1).
    pub fn fsr(&self) -> Word {
        self.0.get_FSR()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(label: Word, words: &[Word]) -> Fault {
        let mut buffer = IpcBuffer::default();
        buffer.msg_regs_mut()[..words.len()].copy_from_slice(words);
        Fault::new(&buffer, &MessageInfo::new(label, 0, 0, words.len()))
    }

    #[test]
    fn vm_fault_is_decoded() {
        let Fault::VmFault(fault) = received(6, &[0x20_0000, 0xdead_0000, 1, 0x9200_0046]) else {
            panic!()
        };
        assert_eq!(
            (fault.ip(), fault.addr(), fault.is_prefetch(), fault.fsr()),
            (0x20_0000, 0xdead_0000, true, 0x9200_0046)
        );
    }

    #[test]
    fn timeout_keeps_the_number_it_has_in_every_configuration() {
        let Fault::Timeout(fault) = received(5, &[77, 1000]) else {
            panic!()
        };
        assert_eq!(
            (fault.inner().get_data(), fault.inner().get_consumed()),
            (77, 1000)
        );
    }

    #[test]
    fn unknown_syscall_and_exceptions_are_decoded() {
        let words: [Word; 13] = core::array::from_fn(|i| i as Word * 10);
        let Fault::UnknownSyscall(fault) = received(2, &words) else {
            panic!()
        };
        assert_eq!(
            (
                fault.gpr(7),
                fault.fault_ip(),
                fault.sp(),
                fault.lr(),
                fault.syscall()
            ),
            (70, 80, 90, 100, 120)
        );
        let Fault::UserException(fault) = received(3, &words) else {
            panic!()
        };
        assert_eq!(fault.inner().get_Number(), 30);
        let Fault::CapFault(fault) = received(1, &words) else {
            panic!()
        };
        assert_eq!(fault.inner().get_Addr(), 10);
    }

    #[test]
    fn a_label_that_is_no_fault_is_a_null_fault() {
        assert!(matches!(received(99, &[]), Fault::NullFault(_)));
    }
}
