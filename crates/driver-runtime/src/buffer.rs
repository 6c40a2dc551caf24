//! Bytes that the device reads or writes.

use core::ptr::NonNull;

use driver_package::resources::DataRegion;

/// A run of bytes in a data region. Its owner may read and write them at any time, so that they are memory for a
/// device and not something to make decisions on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    vaddr: u64,
    len: usize,
}

impl Buffer {
    /// No bytes.
    pub const EMPTY: Self = Self { vaddr: 0, len: 0 };

    /// Bytes of a test.
    #[cfg(test)]
    pub(crate) fn of_test(bytes: &mut [u8]) -> Self {
        Self {
            vaddr: bytes.as_mut_ptr().expose_provenance() as u64,
            len: bytes.len(),
        }
    }

    /// `len` bytes from `offset` of a region. `None`: they are not inside.
    pub(crate) fn within(region: &DataRegion, offset: u64, len: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (end <= region.len).then_some(Self {
            vaddr: region.vaddr + offset,
            len: len as usize,
        })
    }

    /// Where the bytes are, and how many.
    pub fn as_ptr(self) -> NonNull<[u8]> {
        let start = core::ptr::with_exposed_provenance_mut(self.vaddr as usize);
        NonNull::slice_from_raw_parts(NonNull::new(start).unwrap_or(NonNull::dangling()), self.len)
    }
}
