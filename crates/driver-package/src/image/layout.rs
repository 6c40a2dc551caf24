//! Where the segments of an image lie, apart from their content. Root checks these rules too, on what the stager
//! tells it: it never sees the image.

use super::{ImageError, MAX_SEGMENTS, PAGE};

/// What a segment's pages may be used for. There is no way to write *write and execute*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Rights {
    /// Constants.
    #[default]
    Read = 0b001,
    /// Data.
    ReadWrite = 0b011,
    /// Code.
    ReadExecute = 0b101,
}

impl Rights {
    /// From bits: 0 read, 1 write, 2 execute.
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0b001 => Some(Self::Read),
            0b011 => Some(Self::ReadWrite),
            0b101 => Some(Self::ReadExecute),
            _ => None,
        }
    }
    /// As bits: 0 read, 1 write, 2 execute.
    pub fn bits(self) -> u32 {
        self as u32
    }
}

/// A run of pages with the same rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Address of the first page.
    pub vaddr: u64,
    /// Pages.
    pub pages: u32,
    /// Their rights.
    pub rights: Rights,
}

impl Segment {
    /// Bytes of the pages.
    pub fn len(&self) -> u64 {
        u64::from(self.pages) * PAGE
    }
    /// Whether it has no pages (never in a checked layout).
    pub fn is_empty(&self) -> bool {
        self.pages == 0
    }
    /// First address behind it, if there is one.
    fn end(&self) -> Option<u64> {
        self.vaddr.checked_add(self.len())
    }
}

/// The addresses `start..end`, in which an image must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
}

/// Entry point and segments that keep the rules of [`Layout::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    entry: u64,
    segments: [Segment; MAX_SEGMENTS],
    count: usize,
}

impl Layout {
    /// Checks that there are 1 to [`MAX_SEGMENTS`] segments, each page-aligned, not empty, inside `window`, above the
    /// one before it, and that `entry` is an instruction's address in an executable one.
    pub fn check(entry: u64, segments: &[Segment], window: Window) -> Result<Self, ImageError> {
        if segments.is_empty() || segments.len() > MAX_SEGMENTS {
            return Err(ImageError::SegmentCount);
        }
        let mut free_from = window.start;
        for segment in segments {
            if !segment.vaddr.is_multiple_of(PAGE) {
                return Err(ImageError::Misaligned);
            }
            if segment.pages == 0 {
                return Err(ImageError::SegmentSize);
            }
            let end = segment.end().ok_or(ImageError::Window)?;
            if segment.vaddr < window.start || end > window.end {
                return Err(ImageError::Window);
            }
            if segment.vaddr < free_from {
                return Err(ImageError::Overlap);
            }
            free_from = end;
        }
        let executable =
            |s: &Segment| s.rights == Rights::ReadExecute && s.vaddr <= entry && entry - s.vaddr < s.len();
        if !entry.is_multiple_of(4) || !segments.iter().any(executable) {
            return Err(ImageError::Entry);
        }
        let mut kept = [Segment::default(); MAX_SEGMENTS];
        kept[..segments.len()].copy_from_slice(segments);
        Ok(Self {
            entry,
            segments: kept,
            count: segments.len(),
        })
    }

    /// Where the first thread starts.
    pub fn entry(&self) -> u64 {
        self.entry
    }
    /// The segments, ascending.
    pub fn segments(&self) -> &[Segment] {
        &self.segments[..self.count]
    }
    /// First address behind the last segment.
    pub fn end(&self) -> u64 {
        self.segments().last().map_or(0, |s| s.vaddr + s.len())
    }
}
