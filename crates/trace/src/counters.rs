//! What a shadow counts of a device slot.
//!
//! Each word is written whole, and read whole; but a reader that interrupts the writer may see words of two passes that follow
//! each other. So none of them means anything only together with another.

/// Device slots that a region has counters for.
pub const SLOTS: usize = 4;
/// Words of one slot, the last two reserved.
pub(crate) const SLOT_WORDS: usize = 8;

pub(crate) const ANSWERED: usize = 0;
pub(crate) const BYTES: usize = 1;
pub(crate) const WAITED: usize = 2;
pub(crate) const LIVE: usize = 3;
pub(crate) const SENT: usize = 4;
/// Mode, plus 1 so that a slot nobody counts has 0; above it the generation.
pub(crate) const STATE: usize = 5;

/// Requests that drivers answered in one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many of clients.
    pub answered: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// How long drivers had them, summed up, in ticks.
    pub waited: u64,
}

/// How a slot stands at the end of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// A bit per request that is accepted and not answered.
    pub live: u64,
    /// A bit per request that the driver has.
    pub sent: u64,
    /// Number of the shadow's mode.
    pub mode: u32,
    /// Generation attached, 0 if none.
    pub generation: u32,
}

impl Standing {
    pub(crate) fn state(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.mode.wrapping_add(1))
    }
}

/// All that is counted of a slot since boot; a restarted shadow goes on counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests answered.
    pub total: Tally,
    /// As of the last pass.
    pub standing: Standing,
}

impl Counters {
    /// From the words of a slot; `None`: nobody counts it.
    pub(crate) fn from_words(words: [u64; SLOT_WORDS]) -> Option<Self> {
        let mode = (words[STATE] as u32).checked_sub(1)?;
        Some(Self {
            total: Tally {
                answered: words[ANSWERED],
                bytes: words[BYTES],
                waited: words[WAITED],
            },
            standing: Standing {
                live: words[LIVE],
                sent: words[SENT],
                mode,
                generation: (words[STATE] >> 32) as u32,
            },
        })
    }
}
