//! The user image: what the kernel is told to start as root task.
//!
//! By seL4's boot protocol it is one contiguous range of physical memory, mapped page by page to one contiguous range of virtual
//! addresses. Segments far apart would waste memory, so their span is limited.

use super::ImageError;
use super::elf::Elf;

/// Size of a page.
pub const PAGE_BYTES: u64 = loader::payload::PAGE_BYTES;

/// Largest span of a root task's segments, payload included: a slot of the root task's 2^17 for each page of it, and some left.
pub const MAX_BYTES: u64 = 480 << 20;

/// The symbol of a root task, `[u64; 2]`, that is told where its payload is: virtual address, length in bytes.
pub const PAYLOAD_SYMBOL: &str = "umbra_payload";

/// A root task as one run of bytes.
#[derive(Clone, Debug)]
pub struct UserImage {
    /// First virtual address, page-aligned.
    pub virt: u64,
    /// Virtual entry point.
    pub entry: u64,
    /// Content, whole pages.
    pub bytes: Vec<u8>,
}

impl UserImage {
    /// Lays out the segments of a root task.
    pub fn from_elf(elf: &Elf) -> Result<Self, ImageError> {
        let virt = elf.start() / PAGE_BYTES * PAGE_BYTES;
        let span = elf.end() - virt;
        if span > MAX_BYTES {
            return Err(ImageError::TooLarge(span, MAX_BYTES));
        }
        let mut bytes = vec![0; span.next_multiple_of(PAGE_BYTES) as usize];
        for segment in &elf.segments {
            let at = (segment.virt - virt) as usize;
            bytes[at..at + segment.content.len()].copy_from_slice(&segment.content);
        }
        Ok(Self {
            virt,
            entry: elf.entry,
            bytes,
        })
    }

    /// A root task with a payload page-aligned behind it; [`PAYLOAD_SYMBOL`] of the root task says where.
    ///
    /// Page-aligned both ways: the payload's pages hold nothing else, and the kernel hands them out as user image frames.
    pub fn compose(root: &Elf, payload: &[u8]) -> Result<Self, ImageError> {
        let place = root
            .end()
            .checked_next_multiple_of(PAGE_BYTES)
            .ok_or(ImageError::BadSegment(root.end()))?;
        let mut root = root.clone();
        let value: Vec<u8> = [place, payload.len() as u64]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        root.patch(PAYLOAD_SYMBOL, &value)?;
        let mut image = Self::from_elf(&root)?;
        let total = image.bytes.len() as u64 + payload.len() as u64;
        if total > MAX_BYTES {
            return Err(ImageError::TooLarge(total, MAX_BYTES));
        }
        image.bytes.extend_from_slice(payload);
        image.bytes.resize(total.next_multiple_of(PAGE_BYTES) as usize, 0);
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{self, Piece};

    fn root() -> Elf {
        fixture::elf(
            0x40_0004,
            &[
                Piece::code(0x40_0000, &[1; 0x20]),
                Piece::data(0x40_2ff0, &[2; 0x20], 0x1800),
            ],
            &[
                (PAYLOAD_SYMBOL, 0x40_2ff8, 16),
                ("small", 0x40_2ff8, 8),
                ("zeroed", 0x40_4000, 16),
            ],
        )
    }

    #[test]
    fn segments_lie_at_their_distance() {
        let image = UserImage::from_elf(&root()).unwrap();
        assert_eq!(
            (image.virt, image.entry, image.bytes.len()),
            (0x40_0000, 0x40_0004, 0x5000)
        );
        assert_eq!(image.bytes[..0x20], [1; 0x20]);
        assert_eq!(image.bytes[0x2ff0..0x3010], [2; 0x20]);
        assert!(image.bytes[0x3010..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn payload_lies_behind_the_root_task_and_the_root_task_knows() {
        let image = UserImage::compose(&root(), b"payload").unwrap();
        assert_eq!(image.bytes.len(), 0x6000);
        assert_eq!(&image.bytes[0x5000..0x5007], b"payload");
        let words: Vec<u64> = image.bytes[0x2ff8..0x3008]
            .chunks(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(words, [0x40_5000, 7]);
    }

    #[test]
    fn symbol_must_hold_what_is_written() {
        let mut root = root();
        assert!(
            root.patch("zeroed", &[3; 16]).is_ok(),
            "memory that starts as zero can be patched"
        );
        assert_eq!(UserImage::from_elf(&root).unwrap().bytes[0x4000..0x4010], [3; 16]);
        assert!(matches!(
            root.patch("small", &[0; 9]),
            Err(ImageError::SymbolSize { .. })
        ));
        assert!(matches!(root.patch("absent", &[0]), Err(ImageError::NoSymbol(_))));
    }

    #[test]
    fn scattered_root_task_is_refused() {
        let pieces = [Piece::code(0x40_0000, &[1; 4]), Piece::data(0x8000_0000, &[1], 1)];
        let result = UserImage::from_elf(&fixture::elf(0x40_0000, &pieces, &[]));
        assert!(matches!(result, Err(ImageError::TooLarge(..))));
    }
}
