//! Memory that the SMMU reads and writes: words of 64 bits in one region with a known physical address.

/// The region. Offsets are bytes, multiples of 8, inside it.
pub trait Memory {
    /// Reads a word.
    fn read(&self, offset: usize) -> u64;
    /// Writes a word, at once: no half of it is ever seen.
    fn write(&mut self, offset: usize, value: u64);
}

/// Bytes of a table of translations, and of a page.
pub const PAGE: usize = 4096;
/// log2 of the streams that have an entry: the functions of two PCI buses, of which the second is behind a root port.
pub const STREAM_BITS: u32 = 9;
/// log2 of the command queue's entries.
pub const COMMAND_BITS: u32 = 8;
/// log2 of the event queue's entries.
pub const EVENT_BITS: u32 = 7;
/// Bytes of an entry of the stream table, and of a context descriptor.
pub const ENTRY: usize = 64;
/// Tables that a space may have.
pub const SPACE_TABLES: usize = 32;

/// Where things lie in the region. The stream table is first: it must lie at a multiple of its size (IHI 0070, 6.3.24).
pub const STREAMS: usize = 0;
/// Command queue.
pub const COMMANDS: usize = STREAMS + (ENTRY << STREAM_BITS);
/// Event queue.
pub const EVENTS: usize = COMMANDS + (16 << COMMAND_BITS);
/// Context descriptors, one for each space.
pub const CONTEXTS: usize = EVENTS + (32 << EVENT_BITS);
/// Tables of the first space; those of the others follow.
pub const TABLES: usize = CONTEXTS + PAGE;

/// Bytes that the region needs for this many spaces, at most 64.
pub const fn len(spaces: usize) -> usize {
    TABLES + spaces * SPACE_TABLES * PAGE
}
/// Multiple of which the region's physical address must be.
pub const ALIGN: u64 = (ENTRY << STREAM_BITS) as u64;
