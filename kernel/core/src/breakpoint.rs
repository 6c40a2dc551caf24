//! Hardware breakpoints, watchpoints and single-stepping of threads (manual: "Debug Exception"), in debug kernels.
//!
//! Each thread has a set of its own, which is loaded when it is switched to. Numbers below [`FIRST_WATCHPOINT`] stop at
//! an instruction, the others at an access to data. What the invocations refuse, in which order and with which words,
//! was observed on the official kernel.

use sel4_abi::config::NUM_HW_BREAKPOINTS;
use sel4_abi::thread::breakpoint_type as kind;
use sel4_abi::vm::USER_TOP;

use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::ipc::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::{DebugRegisters, Machine};
use crate::object::tcb::{self, breakpoint};
use crate::object::{Fields, Tcb};

/// Number of the first watchpoint.
const FIRST_WATCHPOINT: usize = 6;
/// Single step bit of the saved processor state: the next instruction is executed, then the thread stops.
pub(crate) const SPSR_STEP: u64 = 1 << 21;

/// A breakpoint or watchpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Breakpoint {
    address: u64,
    /// Bytes that are watched, 0 for an instruction.
    size: u64,
    /// 0 reads, 1 writes, 2 both.
    access: u64,
    enabled: bool,
}

impl Breakpoint {
    fn from_words([address, packed]: [u64; 2]) -> Self {
        Self {
            address,
            size: packed & 0xff,
            access: packed >> 8 & 0xff,
            enabled: packed >> 16 & 1 != 0,
        }
    }

    fn words(self) -> [u64; 2] {
        [
            self.address,
            self.size | self.access << 8 | (self.enabled as u64) << 16,
        ]
    }

    /// Value and control register (Arm ARM, DBGBCR and DBGWCR): user level only.
    fn registers(self) -> (u64, u64) {
        const USER: u64 = 2 << 1;
        if !self.enabled {
            (0, 0)
        } else if self.size == 0 {
            (self.address & !3, 1 | USER | 0xf << 5)
        } else {
            let bytes = ((1 << self.size) - 1) << (self.address & 7);
            let access = [1, 2, 3][self.access as usize % 3];
            (self.address & !7, 1 | USER | access << 3 | bytes << 5)
        }
    }

    /// Is it what stopped a thread at `address`? (For data the processor reports some address within the block of
    /// 8 bytes, not necessarily a byte that is watched.)
    fn explains(self, address: u64) -> bool {
        let ignored = if self.size == 0 { 3 } else { 7 };
        self.enabled && (self.address ^ address) & !ignored == 0
    }
}

/// Checks what `TCB_SetBreakpoint` is given: number, address, kind, size, access.
fn check(words: [u64; 5]) -> Result<(usize, Breakpoint), InvocationError> {
    let [number, address, kind, size, access] = words;
    let number = (number & 0xffff) as usize;
    let refuse = |argument| Err(InvocationError::InvalidArgument(argument));
    if address > USER_TOP {
        return refuse(1);
    }
    match kind {
        kind::INSTRUCTION_BREAKPOINT if size != 0 => return refuse(3),
        kind::INSTRUCTION_BREAKPOINT if access != 0 => return refuse(4),
        kind::INSTRUCTION_BREAKPOINT if number >= FIRST_WATCHPOINT => return refuse(2),
        kind::INSTRUCTION_BREAKPOINT => {}
        kind::DATA_BREAKPOINT if size == 0 => return refuse(3),
        kind::DATA_BREAKPOINT if number < FIRST_WATCHPOINT => return refuse(2),
        kind::DATA_BREAKPOINT if access > 2 || !matches!(size, 1 | 2 | 4 | 8) => return refuse(3),
        kind::DATA_BREAKPOINT if !address.is_multiple_of(size) => {
            return Err(InvocationError::AlignmentError);
        }
        kind::DATA_BREAKPOINT if number >= NUM_HW_BREAKPOINTS => return Err(out_of_range()),
        kind::DATA_BREAKPOINT => {}
        _ => return refuse(2),
    }
    let breakpoint = Breakpoint {
        address,
        size,
        access,
        enabled: true,
    };
    Ok((number, breakpoint))
}

fn out_of_range() -> InvocationError {
    InvocationError::RangeError {
        min: 0,
        max: FIRST_WATCHPOINT as u64 - 1,
    }
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn set_breakpoint(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        let (number, breakpoint) = check(core::array::from_fn(|index| call.word(self, index)))?;
        self.store_breakpoint(thread, number, breakpoint);
        Ok(Outcome::Done)
    }

    pub(crate) fn get_breakpoint(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        let number = self.breakpoint_number(call)?;
        let found = self.breakpoint(thread, number);
        let kind = if number < FIRST_WATCHPOINT {
            kind::INSTRUCTION_BREAKPOINT
        } else {
            kind::DATA_BREAKPOINT
        };
        let words = [
            found.address,
            kind,
            found.size,
            found.access,
            found.enabled as u64,
        ];
        Ok(Outcome::Written(self.set_message(call.caller, &words)))
    }

    pub(crate) fn unset_breakpoint(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        let number = self.breakpoint_number(call)?;
        let found = self.breakpoint(thread, number);
        let cleared = Breakpoint {
            address: 0,
            enabled: false,
            ..found
        };
        self.store_breakpoint(thread, number, cleared);
        Ok(Outcome::Done)
    }

    /// Stepping needs no breakpoint here, so that the number given for one is not looked at; the answer says that it
    /// is taken while the thread steps, because the official kernel's does.
    pub(crate) fn configure_stepping(&mut self, thread: Tcb, call: &Invocation) -> Result<Outcome, Trouble> {
        let count = call.word(self, 1);
        self.set_stepping(thread, count);
        Ok(Outcome::Word((count != 0) as u64))
    }

    /// Lets the thread stop after `count` instructions, and then after each; 0: never.
    pub(crate) fn set_stepping(&mut self, thread: Tcb, count: u64) {
        self.m.set(thread, tcb::STEPS, count);
        let state = self.m.get(thread, tcb::SPSR);
        self.m.set(thread, tcb::SPSR, state & !SPSR_STEP);
        self.note_debugged(thread);
    }

    fn breakpoint_number(&self, call: &Invocation) -> Result<usize, InvocationError> {
        let number = (call.word(self, 0) & 0xffff) as usize;
        if number < NUM_HW_BREAKPOINTS {
            Ok(number)
        } else {
            Err(out_of_range())
        }
    }

    fn breakpoint(&self, thread: Tcb, number: usize) -> Breakpoint {
        Breakpoint::from_words([0, 1].map(|word| self.m.get(thread, breakpoint(number, word))))
    }

    fn store_breakpoint(&mut self, thread: Tcb, number: usize, value: Breakpoint) {
        for (word, value) in value.words().into_iter().enumerate() {
            self.m.set(thread, breakpoint(number, word), value);
        }
        self.note_debugged(thread);
    }

    /// What is debugged about the thread has changed.
    fn note_debugged(&mut self, thread: Tcb) {
        let any = (0..NUM_HW_BREAKPOINTS).any(|number| self.breakpoint(thread, number).enabled);
        let debugged = any || self.m.get(thread, tcb::STEPS) != 0;
        self.m.set(thread, tcb::DEBUGGED, debugged);
        if debugged {
            self.look_at_every_switch();
        }
        if self.current == Some(thread) {
            self.refresh_debug(thread);
        }
    }

    /// Loads what is debugged about the thread that runs next.
    pub(crate) fn refresh_debug(&mut self, to: Tcb) {
        let debugged = self.m.get(to, tcb::DEBUGGED);
        if debugged || self.debug_loaded {
            self.load_debug(to, debugged);
        }
        self.prepare_step(to);
    }

    /// A thread that steps is about to be entered: it executes one instruction more.
    #[inline(always)]
    pub(crate) fn prepare_step(&mut self, thread: Tcb) {
        if self.debug_loaded && self.m.get(thread, tcb::STEPS) != 0 {
            let state = self.m.get(thread, tcb::SPSR);
            self.m.set(thread, tcb::SPSR, state | SPSR_STEP);
        }
    }

    fn load_debug(&mut self, to: Tcb, debugged: bool) {
        let mut registers = DebugRegisters {
            step: self.m.get(to, tcb::STEPS) != 0,
            ..DebugRegisters::default()
        };
        for number in 0..NUM_HW_BREAKPOINTS {
            let (value, control) = self.breakpoint(to, number).registers();
            let (into, index) = match number.checked_sub(FIRST_WATCHPOINT) {
                Some(index) => (&mut registers.watchpoints[..], index),
                None => (&mut registers.breakpoints[..], number),
            };
            into[index] = (value, control);
        }
        self.m.set_debug(&registers);
        self.debug_loaded = debugged;
    }

    /// The current thread has reached a breakpoint.
    pub fn breakpoint_trap(&mut self) {
        let Some(thread) = self.current else { return };
        let address = self.m.get(thread, tcb::RESTART_PC);
        self.report_breakpoint(kind::INSTRUCTION_BREAKPOINT, address, 0..FIRST_WATCHPOINT);
    }

    /// The current thread was about to access `address`, which is watched.
    pub fn watchpoint_trap(&mut self, address: u64) {
        self.report_breakpoint(
            kind::DATA_BREAKPOINT,
            address,
            FIRST_WATCHPOINT..NUM_HW_BREAKPOINTS,
        );
    }

    fn report_breakpoint(&mut self, reason: u64, address: u64, mut numbers: core::ops::Range<usize>) {
        let Some(thread) = self.current else { return };
        let first = numbers.start;
        let number = numbers
            .find(|&number| self.breakpoint(thread, number).explains(address))
            .unwrap_or(first);
        self.user_fault(Fault::Debug {
            reason,
            address,
            number: number as u64,
        });
    }

    /// The current thread has executed an instruction while it steps.
    pub fn step_trap(&mut self) {
        let Some(thread) = self.current else { return };
        let left = self.m.get(thread, tcb::STEPS);
        if left > 1 {
            self.m.set(thread, tcb::STEPS, left - 1);
            return self.prepare_step(thread);
        }
        self.user_fault(Fault::Debug {
            reason: kind::SINGLE_STEP,
            address: 0,
            number: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use InvocationError::{AlignmentError, InvalidArgument};

    #[test]
    fn refusals_come_in_the_contracts_order() {
        let kernel = USER_TOP + 1;
        for (words, expected) in [
            ([11, kernel, 7, 3, 9], InvalidArgument(1)),
            ([0, 1, 2, 3, 9], InvalidArgument(2)),
            ([6, 1, 1, 3, 9], InvalidArgument(3)),
            ([6, 0, 1, 0, 9], InvalidArgument(4)),
            ([6, 0, 1, 0, 0], InvalidArgument(2)),
            ([0, 1, 0, 0, 9], InvalidArgument(3)),
            ([0, 1, 0, 3, 9], InvalidArgument(2)),
            ([6, 1, 0, 2, 9], InvalidArgument(3)),
            ([6, 1, 0, 3, 0], InvalidArgument(3)),
            ([6, 1, 0, 2, 0], AlignmentError),
            ([10, 0, 0, 1, 0], out_of_range()),
        ] {
            assert_eq!(check(words), Err(expected), "{words:x?}");
        }
    }

    #[test]
    fn numbers_have_sixteen_bits() {
        assert_eq!(check([0x1_0003, 0x400, 1, 0, 0]).unwrap().0, 3);
    }

    #[test]
    fn watched_bytes_are_those_of_the_size_at_the_address() {
        let watch = |address, size, access| Breakpoint {
            address,
            size,
            access,
            enabled: true,
        };
        assert_eq!(
            watch(0x1008, 8, 1).registers(),
            (0x1008, 1 | 4 | 2 << 3 | 0xff << 5)
        );
        assert_eq!(
            watch(0x1006, 2, 0).registers(),
            (0x1000, 1 | 4 | 1 << 3 | 0xc0 << 5)
        );
        assert_eq!(
            watch(0x1007, 1, 2).registers(),
            (0x1000, 1 | 4 | 3 << 3 | 0x80 << 5)
        );
    }

    #[test]
    fn packing_loses_nothing() {
        let value = Breakpoint {
            address: 0x7000_1234,
            size: 4,
            access: 2,
            enabled: true,
        };
        assert_eq!(Breakpoint::from_words(value.words()), value);
    }
}
