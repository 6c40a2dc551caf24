//! Data regions as the shadow uses them.

use shared_ring::Area;

/// Memory whose content others may change at any time.
pub trait FrameMemory {
    /// Bytes.
    fn len(&self) -> usize;
    /// No bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Copy out. False, and nothing was copied: the range is not inside.
    #[must_use]
    fn read(&self, offset: usize, target: &mut [u8]) -> bool;
    /// Copy the first sixteen of `len` bytes out, as two words with the first byte lowest. `None`: the bytes, or sixteen, are not
    /// all inside.
    #[must_use]
    fn pair(&self, offset: usize, len: usize) -> Option<[u64; 2]> {
        let mut bytes = [[0; 8]; 2];
        let end = offset.checked_add(len);
        let inside = end.is_some_and(|end| end <= self.len()) && self.read(offset, bytes.as_flattened_mut());
        inside.then(|| bytes.map(u64::from_le_bytes))
    }
    /// Copy `len` bytes from another place. False, and nothing was copied: a range is not inside.
    #[must_use]
    fn copy_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) -> bool;
}

impl FrameMemory for Area {
    fn len(&self) -> usize {
        self.len()
    }
    #[inline]
    fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        self.read(offset, target)
    }
    #[inline]
    fn pair(&self, offset: usize, len: usize) -> Option<[u64; 2]> {
        self.pair(offset, len)
    }
    #[inline]
    fn copy_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) -> bool {
        self.copy_from(offset, source, source_offset, len)
    }
}
