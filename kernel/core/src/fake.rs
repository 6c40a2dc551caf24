//! Memory for host tests: an arena that refuses what is outside it or not aligned.

use core::cell::Cell;
use core::ops::Range;

use crate::machine::{CacheOp, Machine, Memory};
use crate::object::PhysAddr;

const BASE: PhysAddr = 0x4000_0000;

/// A piece of physical memory.
#[derive(Clone)]
pub struct Arena {
    words: Vec<u64>,
}

impl Arena {
    /// `bytes` bytes of zeroes.
    pub fn new(bytes: u64) -> Self {
        Self {
            words: vec![0; bytes as usize / 8],
        }
    }
    /// Address of the first byte.
    pub fn base(&self) -> PhysAddr {
        BASE
    }
    fn index(at: PhysAddr) -> usize {
        assert_eq!(at % 8, 0, "misaligned access at {at:#x}");
        ((at - BASE) / 8) as usize
    }
}

impl Memory for Arena {
    fn load(&self, base: PhysAddr, offset: u64) -> u64 {
        self.words[Self::index(base + offset)]
    }
    fn store(&mut self, base: PhysAddr, offset: u64, value: u64) {
        self.words[Self::index(base + offset)] = value;
    }
    fn zero(&mut self, base: PhysAddr, bytes: u64) {
        let start = Self::index(base);
        self.words[start..start + bytes as usize / 8].fill(0);
    }
}

/// Bytes of a line of the fake machine's data cache.
const LINE: u64 = 64;

/// A machine for host tests: an arena, a clock that only tests move, interrupts that only tests raise.
#[derive(Clone)]
pub struct FakeMachine {
    arena: Arena,
    /// Current time.
    pub time: u64,
    /// When the timer interrupts.
    pub deadline: u64,
    /// Interrupts that wait to be taken.
    pub pending: Vec<u32>,
    /// Lines that are not masked.
    pub unmasked: std::collections::BTreeSet<u32>,
    /// Lines that were written and not cleaned to memory since.
    dirty: Vec<bool>,
    /// Words written since somebody looked whether an interrupt is pending, and the most there ever were.
    written: Cell<u64>,
    most_written: Cell<u64>,
    /// What went to the console.
    pub printed: Vec<u8>,
    tls: (u64, u64),
    /// The address space in use, with its identifier.
    vspace: (Option<PhysAddr>, u16),
    fpu: bool,
}

impl FakeMachine {
    /// A machine with `bytes` bytes of RAM.
    pub fn new(bytes: u64) -> Self {
        Self {
            arena: Arena::new(bytes),
            time: 0,
            deadline: u64::MAX,
            pending: vec![],
            unmasked: Default::default(),
            dirty: vec![false; (bytes / LINE) as usize],
            written: Cell::new(0),
            most_written: Cell::new(0),
            printed: vec![],
            tls: (0, 0),
            vspace: (None, 0),
            fpu: false,
        }
    }
    /// Whether two machines are in the same state, their memory included.
    pub fn same(&self, other: &Self) -> bool {
        let rest = |m: &Self| (m.time, m.deadline, m.tls, m.vspace, m.fpu);
        rest(self) == rest(other)
            && self.arena.words == other.arena.words
            && (&self.pending, &self.unmasked) == (&other.pending, &other.unmasked)
    }
    /// Its RAM.
    pub fn ram(&self) -> core::ops::Range<u64> {
        BASE..BASE + 8 * self.arena.words.len() as u64
    }
    /// Whether some of these bytes may differ between cache and memory.
    pub fn is_dirty(&self, bytes: Range<u64>) -> bool {
        self.dirty[Self::lines(bytes)].contains(&true)
    }
    /// The most words that were written between two looks at the interrupts; the count begins anew.
    pub fn take_most_written(&mut self) -> u64 {
        self.note_look();
        self.most_written.take()
    }
    fn lines(bytes: Range<u64>) -> Range<usize> {
        ((bytes.start - BASE) / LINE) as usize..(bytes.end - BASE).div_ceil(LINE) as usize
    }
    fn note_look(&self) {
        let written = self.written.take();
        self.most_written.set(self.most_written.get().max(written));
    }
}

impl Memory for FakeMachine {
    fn load(&self, base: PhysAddr, offset: u64) -> u64 {
        self.arena.load(base, offset)
    }
    fn store(&mut self, base: PhysAddr, offset: u64, value: u64) {
        let at = base + offset;
        self.dirty[Self::lines(at..at + 8)].fill(true);
        self.written.set(self.written.get() + 1);
        self.arena.store(base, offset, value);
    }
    fn zero(&mut self, base: PhysAddr, bytes: u64) {
        self.dirty[Self::lines(base..base + bytes)].fill(true);
        self.written.set(self.written.get() + bytes / 8);
        self.arena.zero(base, bytes);
    }
}

impl Machine for FakeMachine {
    fn now(&self) -> u64 {
        self.time
    }
    fn cycles(&self) -> u64 {
        self.time
    }
    fn set_deadline(&mut self, at: u64) {
        self.deadline = at;
    }
    fn deadline(&self) -> u64 {
        self.deadline
    }
    fn ack_timer(&mut self) {
        self.deadline = u64::MAX;
    }
    fn irq_pending(&self) -> bool {
        self.note_look();
        !self.pending.is_empty()
    }
    fn take_irq(&mut self) -> Option<u32> {
        self.pending.pop()
    }
    fn end_irq(&mut self, _: u32) {}
    fn mask_irq(&mut self, irq: u32) {
        self.unmasked.remove(&irq);
    }
    fn unmask_irq(&mut self, irq: u32) {
        self.unmasked.insert(irq);
    }
    fn set_trigger(&mut self, _: u32, _: bool) {}
    fn send_sgi(&mut self, _: u32, _: u64) {}
    fn use_vspace(&mut self, root: Option<PhysAddr>, asid: u16) {
        self.vspace = (root, asid);
    }
    fn flush_asid(&mut self, _: u16) {}
    fn flush_page(&mut self, _: u16, _: u64) {}
    fn publish_tables(&mut self) {}
    fn cache(&mut self, op: CacheOp, at: PhysAddr, bytes: u64) {
        if matches!(op, CacheOp::Clean | CacheOp::CleanInvalidate) {
            self.dirty[Self::lines(at..at + bytes)].fill(false);
        }
    }
    fn save_fpu(&mut self, _: PhysAddr) {}
    fn load_fpu(&mut self, _: PhysAddr) {}
    fn enable_fpu(&mut self, on: bool) {
        self.fpu = on;
    }
    fn set_tls(&mut self, tpidr: u64, tpidrro: u64) {
        self.tls = (tpidr, tpidrro);
    }
    fn tls(&self) -> (u64, u64) {
        self.tls
    }
    fn set_debug(&mut self, _: &crate::machine::DebugRegisters) {}
    fn smc(&mut self, _: &[u64; 8]) -> Option<[u64; 8]> {
        None
    }
    fn put_byte(&mut self, byte: u8) {
        self.printed.push(byte);
    }
    fn halt(&mut self) -> ! {
        panic!("the machine was stopped")
    }
}
