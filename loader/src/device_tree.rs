//! As much of a flattened device tree as the loader needs: is it one, how long is it really, where is RAM.
//!
//! Source: Devicetree Specification 0.4, chapter 5. The blob comes from the machine before us and is not trusted to be
//! well-formed: every access is checked, and a malformed tree simply has no memory to tell of.

use core::ops::Range;

/// Length of the blob's header, version 17.
pub const HEADER_BYTES: usize = 40;
/// Largest blob accepted; QEMU's is 1 MiB, mostly unused.
pub const MAX_BYTES: u32 = 2 << 20;

const MAGIC: u32 = 0xd00d_feed;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;

/// The blob's `totalsize` if `header` (its first [`HEADER_BYTES`]) begins a device tree of sane length.
pub fn total_bytes(header: &[u8]) -> Option<u32> {
    let total = word(header, 4)?;
    let sane = (HEADER_BYTES as u32..=MAX_BYTES).contains(&total);
    (word(header, 0)? == MAGIC && sane).then_some(total)
}

/// How much of the blob is used: the end of its last block. QEMU pads its blob to 1 MiB, of which under 1 % is used, and the
/// kernel would copy all of it into the extra bootinfo.
pub fn used_bytes(blob: &[u8]) -> Option<u32> {
    let structure = word(blob, 8)?.checked_add(word(blob, 36)?)?;
    let strings = word(blob, 12)?.checked_add(word(blob, 32)?)?;
    let used = structure.max(strings).max(reservations_end(blob)?);
    (used as usize <= blob.len()).then_some(used)
}

/// Sets `totalsize`, after only the first `bytes` were copied.
pub fn set_total_bytes(blob: &mut [u8], bytes: u32) {
    if let Some(field) = blob.get_mut(4..8) {
        field.copy_from_slice(&bytes.to_be_bytes());
    }
}

/// The first range of a `memory@…` node under the root that contains `address`.
pub fn memory_around(blob: &[u8], address: u64) -> Option<Range<u64>> {
    let mut cells = Cells { address: 2, size: 1 };
    let mut depth = 0u32;
    let mut in_memory = false;
    let mut at = word(blob, 8)? as usize;
    loop {
        let token = word(blob, at)?;
        at += 4;
        match token {
            BEGIN_NODE => {
                let name = string(blob, at)?;
                depth = depth.checked_add(1)?;
                in_memory = depth == 2 && (name == b"memory" || name.starts_with(b"memory@"));
                at = align(at + name.len() + 1)?;
            }
            END_NODE => {
                depth = depth.checked_sub(1)?;
                in_memory = false;
            }
            PROP => {
                let length = word(blob, at)? as usize;
                let name = string(
                    blob,
                    (word(blob, 12)? as usize).checked_add(word(blob, at + 4)? as usize)?,
                )?;
                let value = blob.get(at + 8..(at + 8).checked_add(length)?)?;
                match name {
                    b"#address-cells" if depth == 1 => cells.address = word(value, 0)?,
                    b"#size-cells" if depth == 1 => cells.size = word(value, 0)?,
                    b"reg" if in_memory => {
                        if let Some(found) = cells.ranges(value)?.find(|range| range.contains(&address)) {
                            return Some(found);
                        }
                    }
                    _ => {}
                }
                at = align(at + 8 + length)?;
            }
            NOP => {}
            _ => return None,
        }
    }
}

#[derive(Clone, Copy)]
struct Cells {
    address: u32,
    size: u32,
}

impl Cells {
    /// The (address, size) pairs of a `reg`; only one or two cells each are understood.
    fn ranges(self, value: &[u8]) -> Option<impl Iterator<Item = Range<u64>> + '_> {
        if !(1..=2).contains(&self.address) || !(1..=2).contains(&self.size) {
            return None;
        }
        let (address, size) = (self.address as usize * 4, self.size as usize * 4);
        Some(value.chunks_exact(address + size).filter_map(move |pair| {
            let start = number(&pair[..address]);
            start.checked_add(number(&pair[address..])).map(|end| start..end)
        }))
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word: &[u8; 4] = bytes.get(at..at.checked_add(4)?)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

fn string(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    rest.get(..end)
}

fn align(at: usize) -> Option<usize> {
    at.checked_next_multiple_of(4)
}

/// End of the memory reservation block: pairs of u64 up to a pair of zeroes.
fn reservations_end(blob: &[u8]) -> Option<u32> {
    let mut at = word(blob, 16)? as usize;
    loop {
        let entry = blob.get(at..at.checked_add(16)?)?;
        at += 16;
        if entry.iter().all(|byte| *byte == 0) {
            return u32::try_from(at).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// A tree with `#address-cells = #size-cells = 2` and one memory node, padded as QEMU's is.
    fn tree(memory: &[(u64, u64)], padding: usize) -> Vec<u8> {
        let strings = b"#address-cells\0#size-cells\0reg\0";
        let mut structure: Vec<u8> = Vec::new();
        let put = |to: &mut Vec<u8>, words: &[u32]| {
            for word in words {
                to.extend(word.to_be_bytes());
            }
        };
        put(
            &mut structure,
            &[BEGIN_NODE, 0, PROP, 4, 0, 2, PROP, 4, 15, 2, NOP, BEGIN_NODE],
        );
        structure.extend(b"memory@40000000\0");
        put(&mut structure, &[PROP, 16 * memory.len() as u32, 27]);
        for (start, bytes) in memory {
            structure.extend(start.to_be_bytes());
            structure.extend(bytes.to_be_bytes());
        }
        put(&mut structure, &[END_NODE, END_NODE, 9]);
        let structure_at = 40 + 16;
        let strings_at = structure_at + structure.len() as u32;
        let total = strings_at + (strings.len() + padding) as u32;
        let mut blob = Vec::new();
        put(
            &mut blob,
            &[
                MAGIC,
                total,
                structure_at,
                strings_at,
                40,
                17,
                16,
                0,
                strings.len() as u32,
            ],
        );
        put(&mut blob, &[structure.len() as u32, 0, 0, 0, 0]);
        blob.extend(structure);
        blob.extend(strings);
        blob.resize(total as usize, 0);
        blob
    }

    #[test]
    fn memory_is_found_by_an_address_in_it() {
        let blob = tree(&[(0x1000, 0x1000), (0x4000_0000, 0x8000_0000)], 0);
        assert_eq!(memory_around(&blob, 0x4000_0000), Some(0x4000_0000..0xc000_0000));
        assert_eq!(memory_around(&blob, 0x1800), Some(0x1000..0x2000));
        assert_eq!(memory_around(&blob, 0xc000_0000), None);
    }

    #[test]
    fn padding_is_not_counted_as_used() {
        let blob = tree(&[(0, 1)], 1 << 16);
        let bare = tree(&[(0, 1)], 0);
        assert_eq!(total_bytes(&blob), Some(blob.len() as u32));
        assert_eq!(used_bytes(&blob), Some(bare.len() as u32));
        let mut cut = blob[..bare.len()].to_vec();
        set_total_bytes(&mut cut, bare.len() as u32);
        assert_eq!(cut, bare);
    }

    #[test]
    fn memory_node_of_a_device_is_not_ram() {
        // The same tree one level deeper: `/x/memory@40000000`.
        let mut blob = tree(&[(0x4000_0000, 0x8000_0000)], 0);
        let structure_at = 40 + 16;
        let deeper: Vec<u8> = [BEGIN_NODE, 0x7800_0000]
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        let node_at = structure_at + 4 * 11;
        assert_eq!(blob[node_at..node_at + 4], BEGIN_NODE.to_be_bytes());
        blob.splice(node_at..node_at, deeper);
        let strings = u32::from_be_bytes(blob[12..16].try_into().unwrap()) + 8;
        blob[12..16].copy_from_slice(&strings.to_be_bytes());
        assert_eq!(memory_around(&blob, 0x4000_0000), None);
    }

    #[test]
    fn other_bytes_are_no_tree() {
        assert_eq!(total_bytes(&[0; 40]), None);
        assert_eq!(total_bytes(&[0xd0, 0x0d, 0xfe, 0xed]), None);
        let mut other = tree(&[], 0);
        other[0] ^= 1;
        assert_eq!(total_bytes(&other), None, "another magic number");
        let mut blob = tree(&[], 0);
        set_total_bytes(&mut blob, MAX_BYTES + 1);
        assert_eq!(total_bytes(&blob), None);
    }

    proptest! {
        #[test]
        fn damaged_tree_neither_panics_nor_loops(at in 0usize..200, value: u8, cut in 0usize..220) {
            let mut blob = tree(&[(0x4000_0000, 0x8000_0000)], 0);
            let at = at % blob.len();
            blob[at] = value;
            blob.truncate(blob.len().saturating_sub(cut));
            let _ = (total_bytes(&blob), used_bytes(&blob), memory_around(&blob, 0x4000_0000));
        }
    }
}
