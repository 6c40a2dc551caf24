//! GUID partition table: header and entries.

use device_class::block::BlockCapabilities;
use system_spec::config::Name;

use super::{CRC32, inside};

/// Length of the header as version 1.0 defines it.
const HEADER_LEN: usize = 92;
/// Entries that are read at most; usual are 128.
const ENTRIES_MAX: u32 = 1024;
/// UTF-16 units of a name.
const NAME_UNITS: usize = 36;

/// A header whose checksum and ranges are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    crc: u32,
    first_usable: u64,
    last_usable: u64,
    /// First block of the entries.
    pub entries: u64,
    /// Number of entries.
    pub entry_count: u32,
    /// Bytes of one: a power of two from 128 to the block size.
    pub entry_size: u32,
    /// Checksum over all entries.
    pub entries_crc: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

impl Header {
    /// Judge the block at `lba` as a header.
    pub fn parse(block: &[u8], lba: u64, record: &BlockCapabilities) -> Option<Self> {
        let len = u32_at(block, 12)? as usize;
        if block.first_chunk() != Some(b"EFI PART") || !(HEADER_LEN..=block.len()).contains(&len) {
            return None;
        }
        let crc = u32_at(block, 16)?;
        let mut digest = CRC32.digest();
        // The checksum is over the header with this field 0.
        [&block[..16], &[0; 4], &block[20..len]]
            .iter()
            .for_each(|part| digest.update(part));
        if digest.finalize() != crc || u64_at(block, 24)? != lba {
            return None;
        }
        let header = Self {
            crc,
            first_usable: u64_at(block, 40)?,
            last_usable: u64_at(block, 48)?,
            entries: u64_at(block, 72)?,
            entry_count: u32_at(block, 80)?,
            entry_size: u32_at(block, 84)?,
            entries_crc: u32_at(block, 88)?,
        };
        let copy = u64_at(block, 32)?;
        (header.makes_sense(record) && header.spares_tables(lba, copy, record.block_size)).then_some(header)
    }

    fn makes_sense(&self, record: &BlockCapabilities) -> bool {
        self.entry_size.is_power_of_two()
            && (128..=record.block_size).contains(&self.entry_size)
            && (1..=ENTRIES_MAX).contains(&self.entry_count)
            && self.last_usable < record.capacity
            && self.entries >= 2
            && inside((self.entries, self.blocks(record.block_size)), record)
    }

    /// No partition can cover a table: who could write there would draw the others' borders anew. The copy is the other header, whose
    /// entries lie between it and the usable blocks (UEFI 2.10, 5.3.1).
    fn spares_tables(&self, lba: u64, copy: u64, block_size: u32) -> bool {
        let len = self.blocks(block_size);
        let usable = self.first_usable..=self.last_usable;
        let outside = |first: u64, len: u64| match first.checked_add(len) {
            Some(end) => end <= *usable.start() || first > *usable.end(),
            None => false,
        };
        let entries_of_copy = if copy < lba {
            copy.checked_add(1)
        } else {
            copy.checked_sub(len)
        };
        self.first_usable >= 2
            && outside(lba, 1)
            && outside(copy, 1)
            && outside(self.entries, len)
            && entries_of_copy.is_some_and(|first| outside(first, len))
    }

    /// Blocks of the entries.
    pub fn blocks(&self, block_size: u32) -> u64 {
        (u64::from(self.entry_count) * u64::from(self.entry_size)).div_ceil(block_size.into())
    }

    /// What tells this table from another one. The two copies of a table differ in where they lie, hence in their header's
    /// checksum; what they say is the same.
    pub fn digest(&self) -> u64 {
        let mut digest = CRC32.digest();
        digest.update(&self.first_usable.to_le_bytes());
        digest.update(&self.last_usable.to_le_bytes());
        digest.update(&self.entry_count.to_le_bytes());
        // Never 0: that is the digest of no table.
        u64::from(digest.finalize()) << 32 | u64::from(self.entries_crc) | 1 << 63
    }
}

/// Range and name of a partition; `None`: the entry is unused, or its range is outside the usable blocks.
pub(super) fn entry<'e>(header: &Header, entry: &'e [u8]) -> Option<((u64, u64), &'e [u8])> {
    if entry.get(..16)?.iter().all(|&byte| byte == 0) {
        return None;
    }
    let (first, last) = (u64_at(entry, 32)?, u64_at(entry, 40)?);
    if first < header.first_usable || last > header.last_usable || last < first {
        return None;
    }
    // `last` is below the device's capacity, so this does not overflow.
    Some(((first, last - first + 1), entry.get(56..56 + 2 * NAME_UNITS)?))
}

/// The entry's UTF-16 name is the configuration's UTF-8 name.
pub(super) fn same_name(units: &[u8], wanted: &Name) -> bool {
    let end = wanted.iter().position(|&byte| byte == 0).unwrap_or(wanted.len());
    let Ok(wanted) = core::str::from_utf8(&wanted[..end]) else {
        return false;
    };
    let units = units
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .take_while(|&unit| unit != 0);
    let name = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    name.eq(wanted.chars())
}
