//! Register access.

use core::ptr::NonNull;

use bus::virtio_mmio::Registers;

/// Registers that are mapped into this PD.
pub struct Mapped {
    base: NonNull<u32>,
}

impl Mapped {
    /// The registers at `base`.
    ///
    /// # Safety
    /// `base` is aligned to 4, and [`REGISTERS_LEN`](bus::virtio_mmio::REGISTERS_LEN) bytes from it are mapped registers of
    /// a device, for as long as the value exists.
    pub unsafe fn new(base: NonNull<u32>) -> Self {
        Self { base }
    }

    fn register(&self, offset: usize) -> *mut u32 {
        assert!(offset < bus::virtio_mmio::REGISTERS_LEN);
        // SAFETY: inside the mapped registers, by the assertion and `new`'s contract.
        unsafe { self.base.as_ptr().add(offset / 4) }
    }
}

impl Registers for Mapped {
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: an aligned, mapped register (`register`); reads of those used here have no effect on memory.
        unsafe { self.register(offset).read_volatile() }
    }
    fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: as `read`; the one write, a reset, stops the device's access to memory.
        unsafe { self.register(offset).write_volatile(value) }
    }
}
