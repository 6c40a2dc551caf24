//! What the logic needs from the machine below it: physical memory and a few hardware operations.
//!
//! The logic itself is safe code. On the target one implementation turns these calls into loads, stores and
//! system instructions; on the host a fake one checks every address and records what was asked.

use crate::object::PhysAddr;

/// Word-wise access to physical memory.
pub trait Memory {
    /// Reads the 64-bit word at `base + offset` (8-byte aligned).
    fn load(&self, base: PhysAddr, offset: u64) -> u64;
    /// Writes the 64-bit word at `base + offset` (8-byte aligned).
    fn store(&mut self, base: PhysAddr, offset: u64, value: u64);
    /// Fills `bytes` bytes at `base` (both multiples of 16) with zeroes.
    fn zero(&mut self, base: PhysAddr, bytes: u64);
}

/// A cache maintenance operation on a virtual range whose physical address is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CacheOp {
    /// Clean data to RAM.
    Clean,
    /// Discard cached data.
    Invalidate,
    /// Clean, then discard.
    CleanInvalidate,
    /// Make data visible to instruction fetch.
    Unify,
}

/// The processor's debug registers: value and control of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DebugRegisters {
    /// Stop after each instruction of user level.
    pub step: bool,
    /// Instruction breakpoints.
    pub breakpoints: [(u64, u64); 6],
    /// Watchpoints.
    pub watchpoints: [(u64, u64); 4],
}

/// The hardware operations of the logic.
pub trait Machine: Memory {
    /// Current value of the kernel's time base, in ticks.
    fn now(&self) -> u64;
    /// Processor cycles, for benchmarks.
    fn cycles(&self) -> u64;
    /// Arms the kernel timer to interrupt when the time base reaches `at`.
    fn set_deadline(&mut self, at: u64);
    /// What the kernel timer is armed for: `u64::MAX`, or some 292 years, if for nothing.
    fn deadline(&self) -> u64;
    /// Acknowledges the kernel timer's interrupt.
    fn ack_timer(&mut self);
    /// True if an unmasked interrupt waits to be taken.
    fn irq_pending(&self) -> bool;
    /// Takes the pending interrupt, if any: its number.
    fn take_irq(&mut self) -> Option<u32>;
    /// Ends the handling of `irq` at the controller (priority drop and deactivation).
    fn end_irq(&mut self, irq: u32);
    /// Masks an interrupt line.
    fn mask_irq(&mut self, irq: u32);
    /// Unmasks an interrupt line.
    fn unmask_irq(&mut self, irq: u32);
    /// Sets a line's trigger: edge or level.
    fn set_trigger(&mut self, irq: u32, edge: bool);
    /// Raises software generated interrupt `irq` at core `target`.
    fn send_sgi(&mut self, irq: u32, target: u64);
    /// Selects the address space rooted at `root` (`None`: the empty one) under `asid`.
    fn use_vspace(&mut self, root: Option<PhysAddr>, asid: u16);
    /// Forgets all translations of `asid`.
    fn flush_asid(&mut self, asid: u16);
    /// Forgets the translation of one page of `asid`.
    fn flush_page(&mut self, asid: u16, vaddr: u64);
    /// Makes page table writes visible to the table walker.
    fn publish_tables(&mut self);
    /// Cache maintenance on `bytes` bytes at physical address `at`.
    fn cache(&mut self, op: CacheOp, at: PhysAddr, bytes: u64);
    /// Saves the floating-point registers to `to`.
    fn save_fpu(&mut self, to: PhysAddr);
    /// Loads the floating-point registers from `from`.
    fn load_fpu(&mut self, from: PhysAddr);
    /// Lets user level use the floating-point registers, or traps it.
    fn enable_fpu(&mut self, on: bool);
    /// Loads the user thread pointers of the thread that runs next.
    fn set_tls(&mut self, tpidr: u64, tpidrro: u64);
    /// Loads the debug registers.
    fn set_debug(&mut self, registers: &DebugRegisters);
    /// Reads the user thread pointers of the thread that ran.
    fn tls(&self) -> (u64, u64);
    /// A secure monitor call; `None` where there is no firmware to take it.
    fn smc(&mut self, args: &[u64; 8]) -> Option<[u64; 8]>;
    /// Debug console, one byte.
    fn put_byte(&mut self, byte: u8);
    /// Stops the machine.
    fn halt(&mut self) -> !;
}
