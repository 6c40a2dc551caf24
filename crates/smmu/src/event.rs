//! Events: what the SMMU stopped (IHI 0070, 7.3).

/// Words of an event.
pub const WORDS: usize = 4;

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: [`TRANSLATION`], [`PERMISSION`], or another of 7.3.
    pub kind: u8,
    /// Whose transaction: a PCI function's address.
    pub stream: u32,
    /// Address of the transaction; 0 where the kind has none.
    pub address: u64,
    /// It was to write.
    pub write: bool,
}

/// Nothing is mapped there (`F_TRANSLATION`).
pub const TRANSLATION: u8 = 0x10;
/// What is mapped there may not be written (`F_PERMISSION`).
pub const PERMISSION: u8 = 0x13;

impl Event {
    /// From its words.
    pub fn from_words(words: [u64; WORDS]) -> Self {
        /// 7.3: `RnW` is bit 99 of the record.
        const READ: u64 = 1 << 35;
        let kind = words[0] as u8;
        // Kinds 0x10 to 0x13 concern an address; others have one, if at all, that nobody asked for.
        let addressed = (0x10..=0x13).contains(&kind);
        Self {
            kind,
            stream: (words[0] >> 32) as u32,
            address: if addressed { words[2] } else { 0 },
            write: addressed && words[1] & READ == 0,
        }
    }
}
