//! Registers, by their offsets (Arm IHI 0070, 6.2), and the bits that are used.

/// Access to registers of 32 bits; those of 64 bits are written by halves, which the architecture allows (6.2).
pub trait Registers {
    /// Reads the register at `offset`.
    fn read(&self, offset: usize) -> u32;
    /// Writes the register at `offset`. Everything that was written to memory before is seen by the SMMU first.
    fn write(&mut self, offset: usize, value: u32);
}

/// Bytes of both register pages.
pub const LEN: u64 = 0x2_0000;

/// What is implemented.
pub const IDR0: usize = 0x0;
/// Stage 1 is there.
pub const IDR0_S1P: u32 = 1 << 1;
/// Bits 3:2: formats of tables; bit 3 says AArch64.
pub const IDR0_TTF_AARCH64: u32 = 1 << 3;
/// Walks are coherent with the processors' caches.
pub const IDR0_COHACC: u32 = 1 << 4;
/// Bits 25:24; 2: faults always stall, so that somebody must answer each.
pub const IDR0_STALL_SHIFT: u32 = 24;
/// Sizes.
pub const IDR1: usize = 0x4;
/// Bits 5:0: bits of a stream's number.
pub const IDR1_SIDSIZE: u32 = 0x3f;
/// Bits 20:16: log2 of the event queue's entries at most.
pub const IDR1_EVENTQS_SHIFT: u32 = 16;
/// Bits 25:21: log2 of the command queue's entries at most.
pub const IDR1_CMDQS_SHIFT: u32 = 21;
/// Bits 30:29: tables or queues have fixed places.
pub const IDR1_PRESET: u32 = 3 << 29;
/// Address sizes.
pub const IDR5: usize = 0x14;
/// Bits 2:0: size of physical addresses, coded.
pub const IDR5_OAS: u32 = 7;
/// Pages of 4 KiB are there.
pub const IDR5_GRAN4K: u32 = 1 << 4;

/// What is switched on.
pub const CR0: usize = 0x20;
/// Streams are translated.
pub const CR0_SMMUEN: u32 = 1;
/// Events are written.
pub const CR0_EVENTQEN: u32 = 1 << 2;
/// Commands are taken.
pub const CR0_CMDQEN: u32 = 1 << 3;
/// What of [`CR0`] has come into effect.
pub const CR0ACK: usize = 0x24;
/// How tables and queues are accessed.
pub const CR1: usize = 0x28;
/// Inner-shareable, write-back, for both.
pub const CR1_COHERENT: u32 = 0b11_01_01 << 6 | 0b11_01_01;
/// More switches.
pub const CR2: usize = 0x2c;
/// Streams without an entry are reported, too.
pub const CR2_RECINVSID: u32 = 1 << 1;
/// Maintenance by processors' broadcasts is ignored.
pub const CR2_PTM: u32 = 1 << 2;
/// What happens to transactions while nothing is translated.
pub const GBPR: usize = 0x44;
/// They are aborted.
pub const GBPR_ABORT: u32 = 1 << 20;
/// The register is being updated; written as 1 to update it.
pub const GBPR_UPDATE: u32 = 1 << 31;
/// Which interrupts there are.
pub const IRQ_CTRL: usize = 0x50;
/// For errors.
pub const IRQ_CTRL_GERROR: u32 = 1;
/// For events.
pub const IRQ_CTRL_EVENTQ: u32 = 1 << 2;
/// Errors: those whose bit differs from [`GERRORN`]'s wait for somebody.
pub const GERROR: usize = 0x60;
/// A command was not understood.
pub const GERROR_CMDQ: u32 = 1;
/// What of the errors was seen.
pub const GERRORN: usize = 0x64;
/// Stream table: its address.
pub const STRTAB_BASE: usize = 0x80;
/// Stream table: its shape; bits 5:0 log2 of its entries, 0 elsewhere: one level.
pub const STRTAB_BASE_CFG: usize = 0x88;
/// Command queue: address, and log2 of its entries in bits 4:0.
pub const CMDQ_BASE: usize = 0x90;
/// Command queue: what was given.
pub const CMDQ_PROD: usize = 0x98;
/// Command queue: what was taken, and why not more (bits 30:24).
pub const CMDQ_CONS: usize = 0x9c;
/// Event queue: address, and log2 of its entries in bits 4:0.
pub const EVENTQ_BASE: usize = 0xa0;
/// Event queue: what was written; bit 31 toggles when events were lost.
pub const EVENTQ_PROD: usize = 0x1_00a8;
/// Event queue: what was read; bit 31 follows the producer's.
pub const EVENTQ_CONS: usize = 0x1_00ac;
