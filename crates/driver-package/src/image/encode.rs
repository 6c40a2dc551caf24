//! Writing images, on the host.

use alloc::vec::Vec;

use zerocopy::IntoBytes;

use super::{FlatImage, HASHED_FROM, Header, ImageError, MAGIC, Rights, SegmentRecord, VERSION, Window};

/// Content is aligned to this in the image, so that it is copied by words.
const CONTENT_ALIGN: usize = 16;

/// A segment to be written.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSource<'a> {
    /// Address of the first page.
    pub vaddr: u64,
    /// Pages, those that are all zero included.
    pub pages: u32,
    /// Their rights.
    pub rights: Rights,
    /// Content from the first byte; the rest is zero.
    pub content: &'a [u8],
}

/// Writes an image, and checks it as a reader with this `window` would.
pub fn encode(entry: u64, segments: &[SegmentSource<'_>], window: Window) -> Result<Vec<u8>, ImageError> {
    let mut at = size_of::<Header>() + segments.len() * size_of::<SegmentRecord>();
    let mut records = Vec::new();
    for source in segments {
        at = at.next_multiple_of(CONTENT_ALIGN);
        records.push(SegmentRecord {
            vaddr: source.vaddr,
            pages: source.pages,
            rights: source.rights.bits(),
            file_offset: u32::try_from(at).map_err(|_| ImageError::Length)?,
            file_bytes: u32::try_from(source.content.len()).map_err(|_| ImageError::Length)?,
        });
        at += source.content.len();
    }
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        hash: [0; crate::HASH_LEN],
        len: u32::try_from(at).map_err(|_| ImageError::Length)?,
        segment_count: u32::try_from(segments.len()).map_err(|_| ImageError::SegmentCount)?,
        entry,
    };
    let mut bytes = Vec::with_capacity(at);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(records.as_bytes());
    for (source, record) in segments.iter().zip(&records) {
        bytes.resize(record.file_offset as usize, 0);
        bytes.extend_from_slice(source.content);
    }
    header.hash = crate::sha256(&bytes[HASHED_FROM..]);
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    FlatImage::parse(&bytes, window)?;
    Ok(bytes)
}
