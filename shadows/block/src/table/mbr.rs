//! Master boot record: four primary partitions, or the protective entry that stands before a GPT.

use super::CRC32;

/// Type of the entry that protects a GPT.
const PROTECTIVE: u8 = 0xee;
/// Offset of the disk signature; the entries follow, 16 bytes each, then the boot signature.
const SIGNATURE: usize = 440;
const ENTRIES: usize = 446;
const END: usize = 512;

/// The table: bytes from the disk signature to the boot signature.
pub(super) struct Table<'b>(&'b [u8]);

impl<'b> Table<'b> {
    /// The table in block 0, if the boot signature is there.
    pub fn parse(block: &'b [u8]) -> Option<Self> {
        let table = block.get(SIGNATURE..END)?;
        table.ends_with(&[0x55, 0xaa]).then_some(Self(table))
    }

    fn entry(&self, index: usize) -> Option<&'b [u8]> {
        let start = ENTRIES - SIGNATURE + 16 * index;
        if index < 4 {
            self.0.get(start..start + 16)
        } else {
            None
        }
    }

    /// A GPT counts, not this.
    pub fn is_protective(&self) -> bool {
        (0..4).any(|index| self.entry(index).is_some_and(|entry| entry[4] == PROTECTIVE))
    }

    /// First block and blocks of a partition, by its number from 1.
    pub fn partition(&self, number: u32) -> Option<(u64, u64)> {
        let entry = self.entry(usize::try_from(number).ok()?.checked_sub(1)?)?;
        let word = |at: usize| {
            entry
                .get(at..)?
                .first_chunk()
                .map(|b| u64::from(u32::from_le_bytes(*b)))
        };
        (entry[4] != 0).then_some((word(8)?, word(12)?))
    }

    /// What tells this table from another one; never 0, the digest of no table.
    pub fn digest(&self) -> u64 {
        u64::from(CRC32.checksum(self.0)) | 1 << 32
    }
}
