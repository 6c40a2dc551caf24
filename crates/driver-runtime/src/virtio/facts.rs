//! What a virtio device says of itself, read from its registers before a release's driver takes it over.
//!
//! It is read here and not through the release, because the first release shows neither features nor capacity, and
//! because registers are the same for all of them.

use core::ptr::NonNull;

use driver_package::resources::MmioRegion;

use crate::ProbeError;
use crate::resources::Resources;

pub(super) mod disk;
pub(super) mod net;

/// Offsets of registers (virtio 1.2, 4.2.2), in bytes.
pub(super) mod offset {
    /// `MagicValue`.
    pub const MAGIC: usize = 0;
    /// `Version`.
    #[cfg(feature = "host")]
    pub const VERSION: usize = 4;
    /// `DeviceID`.
    pub const DEVICE_ID: usize = 8;
    /// `DeviceFeatures`, the half that was selected.
    pub const DEVICE_FEATURES: usize = 0x10;
    /// `DeviceFeaturesSel`.
    pub const DEVICE_FEATURES_SEL: usize = 0x14;
    /// `QueueNumMax`.
    #[cfg(feature = "host")]
    pub const QUEUE_NUM_MAX: usize = 0x34;
    /// The device's configuration.
    pub const CONFIG: usize = 0x100;
}

/// What `MagicValue` reads: "virt".
pub(super) const MAGIC: u32 = 0x7472_6976;

/// What a kind of device says of itself.
pub trait Facts: Sized {
    /// What `DeviceID` reads (virtio 1.2, 5).
    const DEVICE: u32;
    /// Bytes of the device's configuration that are read.
    const CONFIG_LEN: u32;

    /// The facts of a device that offers these features, of those with numbers below 32.
    ///
    /// # Safety
    /// `config` is its configuration: [`CONFIG_LEN`](Self::CONFIG_LEN) bytes of registers, aligned to 4, for as long as the driver
    /// runs.
    unsafe fn read(features: u32, config: NonNull<u32>) -> Self;
}

/// The registers that the glue opens, their bytes, and what the device says. The first region is the device's.
///
/// # Errors
/// [`ProbeError::NoRegisters`]: there is none, or it is too short. [`ProbeError::WrongDevice`]: it is not such a device.
pub fn open<T, F: Facts>(resources: &Resources) -> Result<(NonNull<T>, usize, F), ProbeError> {
    let MmioRegion { vaddr, len, .. } = *resources.mmio().first().ok_or(ProbeError::NoRegisters)?;
    if len < offset::CONFIG as u64 + u64::from(F::CONFIG_LEN) || !vaddr.is_multiple_of(4) {
        return Err(ProbeError::NoRegisters);
    }
    let start = core::ptr::with_exposed_provenance_mut::<u32>(vaddr as usize);
    let registers = NonNull::new(start).ok_or(ProbeError::NoRegisters)?;
    // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are aligned and
    // long enough, checked above, and the release's driver does not run yet. All offsets are multiples of 4.
    let facts = unsafe {
        let register = |offset: usize| registers.byte_add(offset).read_volatile();
        if register(offset::MAGIC) != MAGIC || register(offset::DEVICE_ID) != F::DEVICE {
            return Err(ProbeError::WrongDevice);
        }
        registers.byte_add(offset::DEVICE_FEATURES_SEL).write_volatile(0);
        F::read(
            register(offset::DEVICE_FEATURES),
            registers.byte_add(offset::CONFIG),
        )
    };
    Ok((registers.cast(), len as usize, facts))
}
