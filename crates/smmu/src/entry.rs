//! Entries of the stream table and context descriptors (IHI 0070, 5.2 and 5.4).

/// Words of either.
pub const WORDS: usize = 8;

/// An entry that lets nothing through and reports nothing: valid, configured to abort.
pub const ABORT: u64 = 1;

/// Configuration 0b101 in bits 3:1: stage 1 translates, there is no stage 2.
const STAGE_1: u64 = 0b101 << 1;
/// Bits 3:2 and 5:4 write-back, 7:6 inner-shareable: how the context descriptor is read.
const CONTEXT_COHERENT: u64 = 0b01 << 2 | 0b01 << 4 | 0b11 << 6;
/// Bits 45:44: shareability as the transaction says.
const SHARE_AS_IS: u64 = 0b01 << 44;

/// An entry whose stream is translated by the one context descriptor at this physical address. The first word makes it valid: it is
/// to be written last.
pub fn translated(context: u64) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    words[0] = ABORT | STAGE_1 | context & 0x000f_ffff_ffff_ffc0;
    words[1] = CONTEXT_COHERENT | SHARE_AS_IS;
    words
}

/// Input addresses have 39 bits, so walks start at level 1.
pub const INPUT_BITS: u32 = 39;
/// Attribute 0: normal memory, write-back.
pub const NORMAL: u64 = 0;
/// Attribute 1: device memory, no gathering, no reordering.
pub const DEVICE: u64 = 1;

/// A context descriptor: tables at physical address `tables`, pages of 4 KiB, tagged with `asid`; physical addresses of the size that
/// `oas` codes as IDR5 does. Faults abort and are recorded.
pub fn context(tables: u64, asid: u16, oas: u32) -> [u64; WORDS] {
    const VALID: u64 = 1 << 31;
    /// No tables for addresses at the top.
    const EPD1: u64 = 1 << 30;
    const AARCH64: u64 = 1 << 41;
    const RECORD: u64 = 1 << 45;
    const ABORTS: u64 = 1 << 46;
    /// The ASID is not one of the processors'.
    const ASET: u64 = 1 << 47;
    /// Bits 9:8 and 11:10 write-back, 13:12 inner-shareable: how tables are read.
    const WALK_COHERENT: u64 = 0b01 << 8 | 0b01 << 10 | 0b11 << 12;
    let mut words = [0; WORDS];
    words[0] = u64::from(64 - INPUT_BITS)
        | WALK_COHERENT
        | EPD1
        | VALID
        | u64::from(oas.min(5)) << 32
        | AARCH64
        | RECORD
        | ABORTS
        | ASET
        | u64::from(asid) << 48;
    words[1] = tables & 0x000f_ffff_ffff_fff0;
    words[3] = 0xff << (8 * NORMAL);
    words
}
