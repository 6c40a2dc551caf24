//! The user image: what the kernel is told to start as root task.
//!
//! By seL4's boot protocol it is one contiguous range of physical memory, mapped page by page to one contiguous range of virtual
//! addresses. Segments far apart would waste memory, so their span is limited.

use super::ImageError;
use super::elf::Elf;

/// Size of a page.
pub const PAGE_BYTES: u64 = loader::payload::PAGE_BYTES;

/// Largest span of a root task's segments, payload included: what lies between kernel and loader is half a gigabyte.
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
    pub fn compose(root: &Elf, payload: &[u8]) -> Result<Self, ImageError> {
        let mut image = Self::from_elf(root)?;
        let total = image.bytes.len() as u64 + payload.len() as u64;
        if total > MAX_BYTES {
            return Err(ImageError::TooLarge(total, MAX_BYTES));
        }
        let place = image.virt + image.bytes.len() as u64;
        let value: Vec<u8> = [place, payload.len() as u64]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        image.patch(root, PAYLOAD_SYMBOL, &value)?;
        image.bytes.extend_from_slice(payload);
        image.bytes.resize(total.next_multiple_of(PAGE_BYTES) as usize, 0);
        Ok(image)
    }

    /// Overwrites the start of a symbol's bytes with `value`. `elf` is what the image was made of.
    pub fn patch(&mut self, elf: &Elf, name: &str, value: &[u8]) -> Result<(), ImageError> {
        let symbol = elf
            .symbol(name)
            .ok_or_else(|| ImageError::NoSymbol(name.into()))?;
        let too_small = || ImageError::SymbolSize {
            name: name.into(),
            bytes: value.len(),
        };
        if symbol.bytes < value.len() as u64 {
            return Err(too_small());
        }
        let at = symbol.address.checked_sub(self.virt).ok_or_else(too_small)? as usize;
        let end = at.checked_add(value.len()).ok_or_else(too_small)?;
        self.bytes
            .get_mut(at..end)
            .ok_or_else(too_small)?
            .copy_from_slice(value);
        Ok(())
    }
}
