//! Positions in the queues (IHI 0070, 3.5): an index, and above it a bit that says in which round.

/// A position in a queue of `1 << bits` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    value: u32,
    bits: u32,
}

impl Position {
    /// From a register; other bits of it are ignored.
    pub fn new(value: u32, bits: u32) -> Self {
        Self {
            value: value & ((2 << bits) - 1),
            bits,
        }
    }
    /// As in a register.
    pub fn value(self) -> u32 {
        self.value
    }
    /// Index of the entry.
    pub fn index(self) -> usize {
        (self.value & ((1 << self.bits) - 1)) as usize
    }
    /// The next one.
    pub fn next(self) -> Self {
        Self::new(self.value + 1, self.bits)
    }
    /// Whether a queue with its producer here and its consumer at `consumer` has no room.
    pub fn is_full(self, consumer: Self) -> bool {
        self.value ^ consumer.value == 1 << self.bits
    }
}

/// A command (IHI 0070, 4): two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Forget what is known of a stream's entry and context.
    ForgetStream(u32),
    /// Forget what is known of all streams.
    ForgetStreams,
    /// Forget the translations with this ASID.
    ForgetSpace(u16),
    /// Forget all translations.
    ForgetSpaces,
    /// Taken when everything before it is complete.
    Sync,
}

impl Command {
    /// As in the queue.
    pub fn words(self) -> [u64; 2] {
        match self {
            Self::ForgetStream(stream) => [0x03 | u64::from(stream) << 32, 1],
            Self::ForgetStreams => [0x04, 31],
            Self::ForgetSpace(asid) => [0x11 | u64::from(asid) << 48, 0],
            Self::ForgetSpaces => [0x30, 0],
            // No interrupt, no message: the consumer's position says it.
            Self::Sync => [0x46, 0],
        }
    }
}
