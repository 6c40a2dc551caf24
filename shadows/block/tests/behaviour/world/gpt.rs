//! Writes partition tables.

use crc::{CRC_32_ISO_HDLC, Crc};

use super::{BLOCK, CAPACITY, Memory};

/// Name, first and last block.
pub type Partition = (&'static str, u64, u64);
pub const PARTITIONS: [Partition; 2] = [("raw", 64, 319), ("files", 320, 575)];

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

pub fn write(disk: &Memory, partitions: &[Partition]) {
    let mut entries = vec![0; 128 * 128];
    for (entry, (name, first, last)) in entries.chunks_exact_mut(128).zip(partitions) {
        entry[..16].fill(0xa5);
        entry[16] = first.to_le_bytes()[0];
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
        for (at, unit) in name.encode_utf16().enumerate() {
            entry[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
        }
    }
    let disk = &mut disk.0.borrow_mut();
    disk[450] = 0xee;
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    let backup = CAPACITY - 1;
    for (lba, other, at) in [(1, backup, 2), (backup, 1, backup - 32)] {
        put(disk, at, &entries);
        put(disk, lba, &header(lba, other, at, CRC32.checksum(&entries)));
    }
}

fn put(disk: &mut [u8], block: u64, bytes: &[u8]) {
    let start = block as usize * BLOCK;
    disk[start..start + bytes.len()].copy_from_slice(bytes);
}

fn header(lba: u64, other: u64, entries: u64, entries_crc: u32) -> Vec<u8> {
    let mut header = vec![0; 92];
    header[..8].copy_from_slice(b"EFI PART");
    header[8..12].copy_from_slice(&0x1_0000u32.to_le_bytes());
    header[12..16].copy_from_slice(&92u32.to_le_bytes());
    for (at, value) in [
        (24, lba),
        (32, other),
        (40, 34),
        (48, CAPACITY - 34),
        (72, entries),
    ] {
        header[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    for (at, value) in [(80, 128), (84, 128), (88, entries_crc)] {
        header[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
    }
    sign(&mut header);
    header
}

/// Make the checksum of a header right.
pub fn sign(header: &mut [u8]) {
    header[16..20].fill(0);
    let crc = CRC32.checksum(&header[..92]);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
}
