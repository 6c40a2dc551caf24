//! Faults: how a thread's misfortune becomes a message, and the reply to it the thread's new state.

use sel4_abi::fault::FaultType;
use sel4_abi::message::MessageInfo;
use sel4_abi::user_context::{ORDER, Register};

use crate::cap::Cap;
use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::ipc::endpoint::SendMode;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, FAULT_WORD_COUNT, State, TcbSlot, fault_word};
use crate::object::{Fields, SchedContext, Tcb, sched_context as context};

/// What happened to a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A capability pointer did not resolve.
    Cap {
        /// The pointer.
        cptr: u64,
        /// While receiving, not sending.
        receiving: bool,
        /// Why.
        cause: LookupFault,
    },
    /// No such system call.
    UnknownSyscall {
        /// Its number.
        number: u64,
    },
    /// An exception of the processor.
    UserException {
        /// What the processor says.
        number: u64,
        /// More of it.
        code: u64,
    },
    /// No usable translation of an address.
    Vm {
        /// The address.
        address: u64,
        /// Fault status.
        status: u64,
        /// While fetching an instruction.
        instruction: bool,
    },
    /// A breakpoint, watchpoint or single step.
    Debug {
        /// Kind of debug event.
        reason: u64,
        /// The address that triggered it.
        address: u64,
        /// Number of the breakpoint.
        number: u64,
    },
}

/// Highest number of words of a fault message.
const MAX_WORDS: usize = 13;
/// Position of the next instruction's address in an unknown system call's message. (The interface calls the word
/// the link register; the official kernel puts this there, and a reply cannot change it.)
const SYSCALL_NEXT: usize = 10;
/// Registers an unknown system call's reply sets: those of the message without the number.
const SYSCALL_REPLY: [Register; 12] = {
    use Register::{Pc, Sp, Spsr, X};
    [
        X(0),
        X(1),
        X(2),
        X(3),
        X(4),
        X(5),
        X(6),
        X(7),
        Pc,
        Sp,
        X(30),
        Spsr,
    ]
};
/// Registers a user exception's reply sets.
const EXCEPTION_REPLY: [Register; 3] = [Register::Pc, Register::Sp, Register::Spsr];

impl Fault {
    fn encode(self) -> (FaultType, [u64; FAULT_WORD_COUNT]) {
        match self {
            Self::Cap {
                cptr,
                receiving,
                cause,
            } => {
                let ([kind, a, b, c], _) = cause.words();
                (FaultType::CapFault, [cptr, receiving as u64, kind, a, b, c])
            }
            Self::UnknownSyscall { number } => (FaultType::UnknownSyscall, [number, 0, 0, 0, 0, 0]),
            Self::UserException { number, code } => (FaultType::UserException, [number, code, 0, 0, 0, 0]),
            Self::Vm {
                address,
                status,
                instruction,
            } => (FaultType::VMFault, [address, status, instruction as u64, 0, 0, 0]),
            Self::Debug {
                reason,
                address,
                number,
            } => (DEBUG, [reason, address, number, 0, 0, 0]),
        }
    }
}

#[cfg(feature = "debug-build")]
const DEBUG: FaultType = FaultType::DebugException;
#[cfg(not(feature = "debug-build"))]
const DEBUG: FaultType = FaultType::UserException;

impl<M: Machine> Kernel<M> {
    /// Reports the thread's fault to its handler; without one the thread stops.
    pub(crate) fn fault(&mut self, thread: Tcb, fault: Fault) {
        let (kind, words) = fault.encode();
        self.m.set(thread, tcb::FAULT_TYPE, kind as u64);
        for (index, word) in words.into_iter().enumerate() {
            self.m.set(thread, fault_word(index), word);
        }
        let donate = self.m.get(thread, tcb::SCHED_CONTEXT).is_some();
        if !self.send_fault(thread, TcbSlot::FaultHandler, donate) {
            self.report_unhandled(thread);
            self.set_state(thread, State::Inactive);
        }
    }

    /// Does the thread have a handler for timeouts?
    pub(crate) fn has_timeout_handler(&self, thread: Tcb) -> bool {
        matches!(
            self.m.cap(thread.slot(TcbSlot::TimeoutHandler)),
            Cap::Endpoint { .. }
        )
    }

    /// Reports to the thread's timeout handler that its context `sc` has no budget left.
    pub(crate) fn timeout_fault(&mut self, thread: Tcb, sc: SchedContext) {
        self.m.set(thread, tcb::FAULT_TYPE, FaultType::Timeout as u64);
        let badge = self.m.get(sc, context::BADGE);
        self.m.set(thread, fault_word(0), badge);
        self.send_fault(thread, TcbSlot::TimeoutHandler, false);
    }

    /// Sends the thread's fault to the handler in `slot`, if that is one.
    fn send_fault(&mut self, thread: Tcb, slot: TcbSlot, donate: bool) -> bool {
        let Cap::Endpoint { ep, badge, rights } = self.m.cap(thread.slot(slot)) else {
            return false;
        };
        if !rights.write() || !(rights.grant() || rights.grant_reply()) {
            return false;
        }
        self.send(
            thread,
            ep,
            badge,
            rights,
            SendMode {
                blocking: true,
                call: false,
                donate,
            },
        );
        true
    }

    /// Writes the sender's fault into the receiver's message registers.
    pub(crate) fn transfer_fault(&mut self, sender: Tcb, badge: u64, receiver: Tcb) {
        let kind = self.m.get(sender, tcb::FAULT_TYPE);
        let mut words = [0; MAX_WORDS];
        let length = self.fault_message(sender, kind, &mut words);
        let length = self.set_message(receiver, &words[..length]) as u64;
        self.set_badge_and_info(receiver, badge, MessageInfo::new(kind, 0, 0, length));
    }

    /// The words of a thread's fault message; how many there are.
    fn fault_message(&mut self, thread: Tcb, kind: u64, words: &mut [u64; MAX_WORDS]) -> usize {
        let stored: [u64; FAULT_WORD_COUNT] = core::array::from_fn(|i| self.m.get(thread, fault_word(i)));
        let pc = self.m.get(thread, tcb::RESTART_PC);
        match FaultType::from_raw(kind) {
            Some(FaultType::CapFault) => {
                words[..7].copy_from_slice(&[
                    pc, stored[0], stored[1], stored[2], stored[3], stored[4], stored[5],
                ]);
                let cause = LookupFault::from_words([stored[2], stored[3], stored[4], stored[5]]);
                3 + cause.words().1
            }
            Some(FaultType::UnknownSyscall) => {
                for (word, register) in words.iter_mut().zip(SYSCALL_REPLY) {
                    *word = self.register(thread, register);
                }
                words[SYSCALL_NEXT] = self.m.get(thread, tcb::PC);
                words[12] = stored[0];
                13
            }
            Some(FaultType::UserException) => {
                for (word, register) in words.iter_mut().zip(EXCEPTION_REPLY) {
                    *word = self.register(thread, register);
                }
                words[3] = stored[0];
                words[4] = stored[1];
                5
            }
            Some(FaultType::VMFault) => {
                words[..4].copy_from_slice(&[pc, stored[0], stored[2], stored[1]]);
                4
            }
            Some(FaultType::Timeout) => {
                words[0] = stored[0];
                words[1] = match self.m.get(thread, tcb::SCHED_CONTEXT) {
                    Some(sc) => self.take_consumed(sc),
                    None => 0,
                };
                2
            }
            // Debug exceptions; a single step and a software breakpoint have no number.
            _ => {
                words[..4].copy_from_slice(&[pc, stored[0], stored[1], stored[2]]);
                if stored[0] >= sel4_abi::thread::breakpoint_type::SINGLE_STEP {
                    2
                } else {
                    4
                }
            }
        }
    }

    /// Applies the reply to a fault; true if the thread is to go on.
    pub(crate) fn apply_fault_reply(&mut self, sender: Tcb, receiver: Tcb) -> bool {
        let info = MessageInfo::from_word(self.m.get(sender, tcb::x(1))).clamped();
        let unknown_syscall = self.m.get(receiver, tcb::FAULT_TYPE) == FaultType::UnknownSyscall as u64;
        let registers: &[Register] = match FaultType::from_raw(self.m.get(receiver, tcb::FAULT_TYPE)) {
            Some(FaultType::CapFault | FaultType::VMFault) => return true,
            Some(FaultType::UnknownSyscall) => &SYSCALL_REPLY,
            Some(FaultType::UserException) => &EXCEPTION_REPLY,
            Some(FaultType::Timeout) => &ORDER[..sel4_abi::fault::timeout_reply::LENGTH],
            _ => &[],
        };
        let stepped = self.m.get(receiver, tcb::FAULT_TYPE) == DEBUG as u64
            && self.m.get(receiver, fault_word(0)) == sel4_abi::thread::breakpoint_type::SINGLE_STEP;
        let buffer = self.buffer(sender, false);
        let length = if buffer.is_some() {
            info.length() as usize
        } else {
            (info.length() as usize).min(4)
        };
        if sel4_abi::config::HARDWARE_DEBUG_API && stepped && length > 0 {
            let count = self.message_word(sender, buffer, 0);
            self.set_stepping(receiver, count);
        }
        for (index, &register) in registers.iter().enumerate().take(length) {
            if unknown_syscall && index == SYSCALL_NEXT {
                continue;
            }
            let value = self.message_word(sender, buffer, index);
            self.set_register(receiver, register, value);
        }
        info.label() == 0
    }
}
