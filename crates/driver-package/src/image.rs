//! The flat image: what a program for the target looks like once the host has linked it.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | `magic: u32` | "UMIM" |
//! | 4 | `version: u32` | [`VERSION`] |
//! | 8 | `hash: [u8; 32]` | SHA-256 of everything from offset 40 to the end |
//! | 40 | `len: u32` | bytes of the whole image |
//! | 44 | `segment_count: u32` | at most [`MAX_SEGMENTS`] |
//! | 48 | `entry: u64` | where the first thread starts |
//! | 56 | segments | `segment_count` times [`SegmentRecord`] |
//! | | content | each segment's file bytes, found by its offset |
//!
//! Static PDs and drivers use the same format in different address windows. [`FlatImage::parse`] is the only way
//! to a [`FlatImage`], so whoever holds one holds an image that keeps every rule of [`Layout::check`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::resources::{WINDOW_MAX, WINDOW_VADDR};

#[cfg(feature = "alloc")]
mod encode;
#[cfg(feature = "alloc")]
pub use encode::{SegmentSource, encode};
mod layout;
pub use layout::{Layout, Rights, Segment, Window};

/// "UMIM", the first word of an image.
pub const MAGIC: u32 = 0x4d49_4d55;
/// Version of the format.
pub const VERSION: u32 = 1;
/// Most segments of an image.
pub const MAX_SEGMENTS: usize = 8;
/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Where the hashed part starts.
const HASHED_FROM: usize = 40;

/// The window of driver images.
pub const DRIVER_WINDOW: Window = Window {
    start: WINDOW_VADDR,
    end: WINDOW_VADDR + WINDOW_MAX,
};

/// The fixed part of an image, as it lies in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: u32,
    version: u32,
    hash: [u8; crate::HASH_LEN],
    len: u32,
    segment_count: u32,
    entry: u64,
}
const _: () = assert!(size_of::<Header>() == 56);

/// A segment, as it lies in the file.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SegmentRecord {
    /// Address of the first page.
    pub vaddr: u64,
    /// Pages.
    pub pages: u32,
    /// Bit 0 read, 1 write, 2 execute; see [`Rights`].
    pub rights: u32,
    /// Where the content starts in the image.
    pub file_offset: u32,
    /// Bytes of content; the rest of the pages is zero.
    pub file_bytes: u32,
}
const _: () = assert!(size_of::<SegmentRecord>() == 24);

/// Which rule an image breaks. The numbers are part of the contract: they reach the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ImageError {
    /// Shorter than its header and segment records say.
    Truncated = 1,
    /// Does not start with [`MAGIC`].
    Magic = 2,
    /// Another [`VERSION`] of the format.
    Version = 3,
    /// The length it states is not the length it has.
    Length = 4,
    /// The content is not what was hashed.
    Hash = 5,
    /// No segments, or more than [`MAX_SEGMENTS`].
    SegmentCount = 6,
    /// Rights other than read, read-write, read-execute.
    Rights = 7,
    /// A segment does not start on a page boundary.
    Misaligned = 8,
    /// A segment without pages, or with more content than pages.
    SegmentSize = 9,
    /// A segment lies outside the window.
    Window = 10,
    /// Two segments overlap, or are not in ascending order.
    Overlap = 11,
    /// A segment's content lies outside the image.
    Content = 12,
    /// The entry point is not in an executable segment, or not aligned to an instruction.
    Entry = 13,
}

impl ImageError {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [
            Self::Truncated,
            Self::Magic,
            Self::Version,
            Self::Length,
            Self::Hash,
            Self::SegmentCount,
            Self::Rights,
            Self::Misaligned,
            Self::SegmentSize,
            Self::Window,
            Self::Overlap,
            Self::Content,
            Self::Entry,
        ]
        .into_iter()
        .find(|known| *known as u32 == number)
    }
}

/// A checked view of an image.
#[derive(Clone, Copy, Debug)]
pub struct FlatImage<'a> {
    bytes: &'a [u8],
    layout: Layout,
    hash: [u8; crate::HASH_LEN],
    records: [SegmentRecord; MAX_SEGMENTS],
}

impl<'a> FlatImage<'a> {
    /// Checks `bytes` completely: form, the rules of [`Layout::check`], hash, in that order.
    pub fn parse(bytes: &'a [u8], window: Window) -> Result<Self, ImageError> {
        let image = Self::parse_covered(bytes, window)?;
        if image.hash == crate::sha256(&bytes[HASHED_FROM..]) {
            Ok(image)
        } else {
            Err(ImageError::Hash)
        }
    }

    /// As [`parse`](Self::parse), of bytes that are part of something whose hash was found right: the image's own is not computed.
    pub fn parse_covered(bytes: &'a [u8], window: Window) -> Result<Self, ImageError> {
        let (header, rest) = Header::read_from_prefix(bytes).map_err(|_| ImageError::Truncated)?;
        if header.magic != MAGIC {
            return Err(ImageError::Magic);
        }
        if header.version != VERSION {
            return Err(ImageError::Version);
        }
        if header.len as usize != bytes.len() {
            return Err(ImageError::Length);
        }
        let count = header.segment_count as usize;
        if count == 0 || count > MAX_SEGMENTS {
            return Err(ImageError::SegmentCount);
        }
        let mut records = [SegmentRecord::default(); MAX_SEGMENTS];
        let mut rest = rest;
        for record in &mut records[..count] {
            (*record, rest) = SegmentRecord::read_from_prefix(rest).map_err(|_| ImageError::Truncated)?;
        }
        let content_from = bytes.len() - rest.len();
        let mut segments = [Segment::default(); MAX_SEGMENTS];
        for (segment, record) in segments.iter_mut().zip(&records[..count]) {
            *segment = check_content(record, content_from, bytes.len())?;
        }
        let layout = Layout::check(header.entry, &segments[..count], window)?;
        Ok(Self {
            bytes,
            layout,
            hash: header.hash,
            records,
        })
    }

    /// Entry point and segments.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The hash stored in the image, which was found to be right, or which lies under another one that was.
    pub fn hash(&self) -> &[u8; crate::HASH_LEN] {
        &self.hash
    }

    /// Each segment with its content; what the content does not fill is zero.
    pub fn segments(&self) -> impl Iterator<Item = (Segment, &'a [u8])> {
        let bytes = self.bytes;
        self.layout
            .segments()
            .iter()
            .zip(self.records)
            .map(move |(segment, record)| {
                let from = record.file_offset as usize;
                (
                    *segment,
                    bytes
                        .get(from..from + record.file_bytes as usize)
                        .unwrap_or_default(),
                )
            })
    }
}

/// What concerns one record alone: rights, and that its content lies in the image and in its pages.
fn check_content(record: &SegmentRecord, from: usize, len: usize) -> Result<Segment, ImageError> {
    let rights = Rights::from_bits(record.rights).ok_or(ImageError::Rights)?;
    if u64::from(record.file_bytes) > u64::from(record.pages) * PAGE {
        return Err(ImageError::SegmentSize);
    }
    let start = record.file_offset as usize;
    let end = start
        .checked_add(record.file_bytes as usize)
        .ok_or(ImageError::Content)?;
    if start < from || end > len {
        return Err(ImageError::Content);
    }
    Ok(Segment {
        vaddr: record.vaddr,
        pages: record.pages,
        rights,
    })
}

#[cfg(test)]
mod tests;
