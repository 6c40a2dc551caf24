//! An SMMU for tests. It remembers what it once read (entries and translations, for ever) until a command says to forget it, and takes
//! commands only when its owner lets it.

extern crate std;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::vec::Vec;

use crate::event::{PERMISSION, TRANSLATION};
use crate::memory::{self, COMMANDS, ENTRY, EVENTS, Memory, STREAMS};
use crate::registers::{self as reg, Registers};

/// Where its memory is.
pub const PADDR: u64 = 0x8000_0000;
/// A stream without a valid entry.
pub const BAD_ENTRY: u8 = 4;

struct State {
    words: Vec<u64>,
    registers: HashMap<usize, u32>,
    /// First words of entries, by stream.
    entries: HashMap<u32, u64>,
    /// Descriptors of pages, by ASID and page.
    pages: HashMap<(u16, u64), u64>,
    /// Commands to forget that were taken, and for which nobody has waited.
    pending: Vec<u64>,
    deaf: bool,
    /// Instants that its driver has left to live.
    life: Option<usize>,
}

/// The SMMU; clones are the same one.
#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    /// One that suits, after a reset, over memory full of noise.
    pub fn new(spaces: usize) -> Self {
        let registers = HashMap::from([
            (
                reg::IDR0,
                reg::IDR0_S1P | reg::IDR0_TTF_AARCH64 | reg::IDR0_COHACC | 1 << 24,
            ),
            (
                reg::IDR1,
                16 | 19 << reg::IDR1_EVENTQS_SHIFT | 19 << reg::IDR1_CMDQS_SHIFT,
            ),
            (reg::IDR5, 4 | reg::IDR5_GRAN4K),
        ]);
        Self(Rc::new(RefCell::new(State {
            words: std::vec![!0; memory::len(spaces) / 8],
            registers,
            entries: HashMap::new(),
            pages: HashMap::new(),
            pending: Vec::new(),
            deaf: false,
            life: None,
        })))
    }
    /// Whoever drives it dies when he has gone through this many [`instants`](Self::instant), once: he unwinds.
    pub fn kill_after(&self, instants: Option<usize>) {
        self.0.borrow_mut().life = instants;
    }
    /// An instant of its driver's; each write to it is one.
    pub fn instant(&self) {
        let mut state = self.0.borrow_mut();
        let over = state.life == Some(0);
        state.life = state.life.and_then(|left| left.checked_sub(1));
        drop(state);
        if over {
            // Without a word: it is no failure.
            std::panic::resume_unwind(std::boxed::Box::new("killed"));
        }
    }
    /// Sets a register as the machine would.
    pub fn set(&self, offset: usize, value: u32) {
        self.0.borrow_mut().registers.insert(offset, value);
    }
    /// From now on no command is taken (or again).
    pub fn deafen(&self, deaf: bool) {
        self.0.borrow_mut().deaf = deaf;
    }

    /// Whether a transaction would get through; nothing is told of it.
    pub fn lets_through(&self, stream: u32, address: u64, write: bool) -> bool {
        self.0.borrow_mut().translate(stream, address, write) == Ok(address)
    }
    /// A device's transaction: where it goes, or the kind of the event that was written. `Err(0)` stands for an abort without event.
    pub fn access(&self, stream: u32, address: u64, write: bool) -> Result<u64, u8> {
        let result = self.0.borrow_mut().translate(stream, address, write);
        if let Err(kind @ 1..) = result {
            self.0.borrow_mut().report(kind, stream, address, write);
        }
        result
    }
}

impl State {
    fn read(&self, offset: usize) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }
    fn word(&self, paddr: u64) -> u64 {
        self.words[(paddr - PADDR) as usize / 8]
    }

    fn translate(&mut self, stream: u32, address: u64, write: bool) -> Result<u64, u8> {
        if self.read(reg::CR0ACK) & reg::CR0_SMMUEN == 0 {
            let aborts = self.read(reg::GBPR) & reg::GBPR_ABORT != 0;
            return if aborts { Err(0) } else { Ok(address) };
        }
        if stream >= 1 << (self.read(reg::STRTAB_BASE_CFG) & 63) {
            return Err(2);
        }
        let table = u64::from(self.read(reg::STRTAB_BASE)) & !63;
        let at = table + (STREAMS + stream as usize * ENTRY) as u64;
        let found = self.word(at);
        let entry = *self.entries.entry(stream).or_insert(found);
        match entry & 0xf {
            1 => return Err(0),
            0b1011 => {}
            _ => return Err(BAD_ENTRY),
        }
        let context = entry & 0x000f_ffff_ffff_ffc0;
        let (first, tables) = (self.word(context), self.word(context + 8));
        assert_eq!(first & 0x3f, 25, "39 bits of input");
        assert!(first >> 31 & 1 == 1 && first >> 30 & 1 == 1 && first >> 41 & 1 == 1);
        if address >> 39 != 0 {
            return Err(TRANSLATION);
        }
        let asid = (first >> 48) as u16;
        let page = address >> 12;
        let known = self.pages.get(&(asid, page)).copied();
        let descriptor = match known {
            Some(known) => known,
            None => self.walk(tables, address).ok_or(TRANSLATION)?,
        };
        self.pages.insert((asid, page), descriptor);
        assert!(
            descriptor >> 10 & 1 == 1 && descriptor >> 6 & 1 == 1,
            "accessed, and not for the privileged only"
        );
        if write && descriptor >> 7 & 1 == 1 {
            return Err(PERMISSION);
        }
        Ok(descriptor & 0x0000_ffff_ffff_f000 | address & 0xfff)
    }

    fn walk(&self, mut table: u64, address: u64) -> Option<u64> {
        for level in 1..=3 {
            let index = address >> (12 + 9 * (3 - level)) & 511;
            let descriptor = self.word(table + 8 * index);
            if descriptor & 3 != 3 {
                return None;
            }
            if level == 3 {
                return Some(descriptor);
            }
            table = descriptor & 0x0000_ffff_ffff_f000;
        }
        None
    }

    fn report(&mut self, kind: u8, stream: u32, address: u64, write: bool) {
        let bits = self.read(reg::EVENTQ_BASE) & 31;
        let (produced, consumed) = (self.read(reg::EVENTQ_PROD), self.read(reg::EVENTQ_CONS));
        if (produced ^ consumed) & !(1 << 31) == 1 << bits {
            let lost = produced & !(1 << 31) | !consumed & 1 << 31;
            self.registers.insert(reg::EVENTQ_PROD, lost);
            return;
        }
        let at = (EVENTS + 32 * (produced & ((1 << bits) - 1)) as usize) / 8;
        self.words[at] = u64::from(stream) << 32 | u64::from(kind);
        self.words[at + 1] = u64::from(!write) << 35;
        self.words[at + 2] = address;
        let next = (produced + 1) & ((2 << bits) - 1) | produced & 1 << 31;
        self.registers.insert(reg::EVENTQ_PROD, next);
    }

    /// What was to be forgotten is only for certain when a later SYNC is complete.
    fn forget(&mut self, command: u64) {
        match command as u8 {
            0x03 => drop(self.entries.remove(&((command >> 32) as u32))),
            0x04 => self.entries.clear(),
            0x11 => self.pages.retain(|(asid, _), _| *asid != (command >> 48) as u16),
            _ => self.pages.clear(),
        }
    }

    fn commands(&mut self) {
        let bits = self.read(reg::CMDQ_BASE) & 31;
        while !self.deaf && self.read(reg::CMDQ_CONS) != self.read(reg::CMDQ_PROD) {
            let taken = self.read(reg::CMDQ_CONS);
            let at = (COMMANDS + 16 * (taken & ((1 << bits) - 1)) as usize) / 8;
            let [first, _] = [self.words[at], self.words[at + 1]];
            match first as u8 {
                0x03 | 0x04 | 0x11 | 0x30 => self.pending.push(first),
                0x46 => core::mem::take(&mut self.pending)
                    .into_iter()
                    .for_each(|command| self.forget(command)),
                _ => {
                    self.registers.insert(reg::GERROR, reg::GERROR_CMDQ);
                    return;
                }
            }
            self.registers
                .insert(reg::CMDQ_CONS, (taken + 1) & ((2 << bits) - 1));
        }
    }
}

impl Registers for Fake {
    fn read(&self, offset: usize) -> u32 {
        self.0.borrow().read(offset)
    }
    fn write(&mut self, offset: usize, value: u32) {
        self.instant();
        let mut state = self.0.borrow_mut();
        match offset {
            reg::CR0 => {
                state.registers.insert(reg::CR0ACK, value);
            }
            reg::GBPR => {
                state.registers.insert(offset, value & !reg::GBPR_UPDATE);
                return;
            }
            _ => {}
        }
        state.registers.insert(offset, value);
        if state.read(reg::CR0ACK) & reg::CR0_CMDQEN != 0 {
            state.commands();
        }
    }
}

impl Memory for Fake {
    fn read(&self, offset: usize) -> u64 {
        self.0.borrow().words[offset / 8]
    }
    fn write(&mut self, offset: usize, value: u64) {
        self.instant();
        self.0.borrow_mut().words[offset / 8] = value;
    }
}
