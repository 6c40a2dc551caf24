//! Bytes that the device reads or writes.

use core::num::NonZero;
use core::ptr::NonNull;

use driver_package::resources::DataRegion;

/// A run of bytes in a data region. Its owner may read and write them at any time, so that they are memory for a
/// device and not something to make decisions on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    vaddr: NonZero<usize>,
    len: usize,
}

impl Buffer {
    /// No bytes.
    pub const EMPTY: Self = Self {
        vaddr: NonZero::<usize>::MIN,
        len: 0,
    };

    /// Bytes of a test.
    #[cfg(any(test, feature = "host"))]
    pub fn of_test(bytes: &mut [u8]) -> Self {
        Self {
            vaddr: NonZero::new(bytes.as_mut_ptr().expose_provenance()).unwrap_or(NonZero::<usize>::MIN),
            len: bytes.len(),
        }
    }

    /// `len` bytes from `offset` of a region. `None`: they are not inside.
    pub(crate) fn within(region: &DataRegion, offset: u64, len: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        let vaddr = NonZero::new(region.vaddr.wrapping_add(offset) as usize)?;
        (end <= region.len).then_some(Self {
            vaddr,
            len: len as usize,
        })
    }

    /// Bytes.
    pub fn len(self) -> usize {
        self.len
    }

    /// No bytes.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Where the bytes are, and how many.
    pub fn as_ptr(self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(NonNull::with_exposed_provenance(self.vaddr), self.len)
    }
}
