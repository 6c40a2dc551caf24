//! The SMMU's registers, and the memory that it shares with us.

use core::ptr::NonNull;

use smmu::{Memory, Registers};

use crate::{crash_point, instant};

/// A mapped range.
pub struct Mapped {
    base: NonNull<u8>,
    len: usize,
}

impl Mapped {
    /// The `len` bytes at `vaddr`.
    ///
    /// # Safety
    /// `vaddr` is aligned to 8, and `len` bytes from it are mapped for this PD alone, for as long as the value exists: the registers of
    /// the SMMU, or memory to which no reference is made.
    pub unsafe fn new(vaddr: u64, len: u64) -> Option<Self> {
        let base = NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr as usize))?;
        Some(Self {
            base,
            len: len as usize,
        })
    }

    fn at<T>(&self, offset: usize) -> *mut T {
        assert!(offset.is_multiple_of(size_of::<T>()) && self.len >= size_of::<T>());
        assert!(offset <= self.len - size_of::<T>());
        // SAFETY: inside, by the assertions and `new`'s contract.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }
}

impl Registers for Mapped {
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: an aligned, mapped register (`at`); reading one changes nothing.
        let value = unsafe { self.at::<u32>(offset).read_volatile() };
        barrier();
        value
    }
    fn write(&mut self, offset: usize, value: u32) {
        crash_point(instant::REGISTER + offset as u32);
        barrier();
        // SAFETY: as `read`; the SMMU writes to the memory that it was given, to which there are no references.
        unsafe { self.at::<u32>(offset).write_volatile(value) };
    }
}

impl Memory for Mapped {
    fn read(&self, offset: usize) -> u64 {
        // SAFETY: an aligned, mapped word (`at`).
        unsafe { self.at::<u64>(offset).read_volatile() }
    }
    fn write(&mut self, offset: usize, value: u64) {
        // SAFETY: as `read`; an aligned word is written at once.
        unsafe { self.at::<u64>(offset).write_volatile(value) };
    }
}

/// Memory and registers are of different kinds, and only this orders accesses to one and the other: what was written to memory is
/// seen by the SMMU before it is told; what it says it has written is read after it said so.
fn barrier() {
    // SAFETY: waits, and changes nothing.
    unsafe { core::arch::asm!("dsb sy", options(nostack, preserves_flags)) };
}
