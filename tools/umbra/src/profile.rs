//! Where instructions go: every instruction that the machine executes, counted by program and by the crate it comes from.
//!
//! QEMU can log each block of code as it translates it (`in_asm`) and each block that it executes (`exec`, `nochain`). Together
//! these say exactly which instructions ran, as a counting plugin would, with nothing but QEMU itself. Programs have the
//! same virtual addresses, so which of them a block belongs to is found by comparing its instructions with the programs';
//! which crate an instruction comes from, inlined or not, is found in their debug information.

mod log;
mod program;

pub use log::Log;
pub use program::{Origin, Program, Source};

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Instructions by program and source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By index of the program.
    pub counts: BTreeMap<(usize, Source), u64>,
    /// By index of the program and function.
    pub functions: HashMap<(usize, Rc<str>), u64>,
    /// Instructions of no program.
    pub unknown: u64,
    /// Times that user level was left: system calls, interrupts, faults.
    pub kernel_entries: u64,
}

/// Counts what a log says.
pub struct Profiler<'a> {
    programs: &'a [Program],
    tally: Tally,
    /// Program of the stretch before, and of the last one at user level.
    last: Option<usize>,
    last_user: Option<usize>,
    /// Origin of the instruction before: that of what has none of its own, such as a copy of memory.
    origin: Origin,
}

/// First address of the kernel's half.
const KERNEL: u64 = 1 << 63;

impl<'a> Profiler<'a> {
    /// Nothing counted yet.
    pub fn new(programs: &'a [Program]) -> Self {
        Self {
            programs,
            tally: Tally::default(),
            last: None,
            last_user: None,
            origin: Origin::none(),
        }
    }

    /// These instructions were executed, from address `pc` on.
    pub fn executed(&mut self, pc: u64, words: &[u32]) {
        let user = pc < KERNEL;
        // Where programs are alike, such as the system call stubs, the one that ran before went on.
        let before = if user { self.last_user } else { None };
        let is = |index: &usize| self.programs[*index].has(pc, words);
        let found = before.filter(is).or_else(|| (0..self.programs.len()).find(is));
        if !user && self.last.is_some_and(|last| Some(last) == self.last_user) {
            self.tally.kernel_entries += 1;
        }
        if self.last != found {
            self.origin = Origin::none();
        }
        self.last = found;
        if user {
            self.last_user = found;
        }
        let Some(index) = found else {
            self.tally.unknown += words.len() as u64;
            return;
        };
        for number in 0..words.len() as u64 {
            if let Some(origin) = self.programs[index].origin(pc + 4 * number) {
                self.origin = origin;
            }
            let Origin { source, function } = &self.origin;
            *self.tally.counts.entry((index, *source)).or_default() += 1;
            *self.tally.functions.entry((index, function.clone())).or_default() += 1;
        }
    }

    /// What was counted.
    pub fn tally(self) -> Tally {
        self.tally
    }
}
