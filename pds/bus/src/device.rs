//! Register access.

use core::ptr::NonNull;

use pci::virtio::common::DEVICE_STATUS;
use system_spec::config::RegionConfig;

/// Registers, or memory, mapped into this PD.
#[derive(Clone, Copy)]
pub struct Mapped {
    base: NonNull<u8>,
    len: usize,
}

impl Mapped {
    /// The `len` bytes at `vaddr`.
    ///
    /// # Safety
    /// `vaddr` is aligned to 4, and `len` bytes from it are mapped for as long as the value exists: registers of a device, or
    /// memory that this PD alone writes and to which no reference is made.
    pub unsafe fn new(vaddr: u64, len: u64) -> Option<Self> {
        let base = NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr as usize))?;
        Some(Self {
            base,
            len: len as usize,
        })
    }

    fn word(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4) && self.len >= 4 && offset <= self.len - 4);
        // SAFETY: inside, by the assertion and `new`'s contract.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }
    fn load(&self, offset: usize) -> u32 {
        // SAFETY: an aligned, mapped word (`word`); reads of the registers used here have no effect on memory.
        unsafe { self.word(offset).read_volatile() }
    }
    fn store(&mut self, offset: usize, value: u32) {
        // SAFETY: as `load`; what is written makes no device write to memory of ours: it resets one, or gives one its place
        // on the bus while it reaches no memory.
        unsafe { self.word(offset).write_volatile(value) }
    }
}

impl bus::space::Mapped for Mapped {
    fn part(&self, offset: usize, len: usize) -> Option<Self> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        if !inside || !offset.is_multiple_of(4) {
            return None;
        }
        // SAFETY: inside what `new`'s caller vouched for, by the line before.
        let base = unsafe { self.base.add(offset) };
        Some(Self { base, len })
    }
}

/// This PD's address space.
#[derive(Debug)]
pub struct Here(());

impl Here {
    /// All that is mapped for the bus.
    ///
    /// # Safety
    /// Whoever has it asks only for regions that the description's compiler wrote down (or for parts of them, from a multiple of 4):
    /// registers that it mapped there, for ever, or the page of a copy, which we alone write. Address 0 is none.
    pub unsafe fn new() -> Self {
        Self(())
    }
}

impl bus::space::Space for Here {
    type Mapped = Mapped;

    fn at(&self, region: &RegionConfig) -> Option<Mapped> {
        // SAFETY: by `new`'s contract; 0 gives nothing.
        unsafe { Mapped::new(region.vaddr, region.len) }
    }
}

impl pci::Mmio for Mapped {
    fn read(&self, offset: usize) -> u32 {
        self.load(offset)
    }
    fn write(&mut self, offset: usize, value: u32) {
        self.store(offset, value);
    }
}

impl pci::Config for Mapped {
    fn read(&self, offset: u8) -> u32 {
        self.load(offset.into())
    }
}

impl pci::ConfigMut for Mapped {
    fn write(&mut self, offset: u8, value: u32) {
        self.store(offset.into(), value);
    }
}

impl pci::port::Registers for Mapped {
    fn write_half(&mut self, offset: u8, value: u16) {
        let offset = usize::from(offset);
        assert!(offset.is_multiple_of(2) && self.len >= 2 && offset <= self.len - 2);
        // SAFETY: aligned and inside, by the assertion and `new`'s contract; a port's registers change no memory.
        unsafe { self.base.as_ptr().add(offset).cast::<u16>().write_volatile(value) }
    }
}

impl bus::virtio_pci::Common for Mapped {
    fn status(&self) -> u8 {
        assert!(self.len > DEVICE_STATUS);
        // SAFETY: the byte is mapped, by the assertion and `new`'s contract.
        unsafe { self.base.as_ptr().add(DEVICE_STATUS).read_volatile() }
    }
    fn set_status(&mut self, value: u8) {
        assert!(self.len > DEVICE_STATUS);
        // SAFETY: as `status`; the one write is a reset.
        unsafe { self.base.as_ptr().add(DEVICE_STATUS).write_volatile(value) }
    }
}
