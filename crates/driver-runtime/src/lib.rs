//! Runs any driver of a device class as a protection domain.
//!
//! A driver implements its class's trait ([`block::BlockDriver`], [`net::NetDriver`]) and nothing else: it probes, states its
//! capabilities, takes requests, gives completions, handles interrupts. It never learns that it is being replaced.
//! Rings, wake-ups, validation, report, heap and start are here.
//!
//! | module | |
//! |---|---|
//! | [`resources`] | the checked resources page |
//! | [`engine`] | between the link and the driver, whatever its class |
//! | [`block`], [`net`] | the trait of a class |
//! | [`dma`] | memory that the device reaches, and its addresses there |
//! | [`function`] | a device that is a PCI function: its copy of configuration space, its registers |
//! | [`virtio`] | what the glue around the published `virtio-drivers` releases has in common |
//! | [`nvme`] | the same for those of `nvme-driver` |
//! | `pd` | entry, heap, panic, event loop: with feature `pd` on the target only |
#![no_std]

extern crate alloc;

/// For the glue's macros: a release's transports name its traits.
pub use zerocopy;

pub mod block;
mod buffer;
pub mod dma;
pub mod engine;
pub mod function;
#[cfg(feature = "host")]
mod host;
pub mod net;
pub mod nvme;
pub mod resources;
pub mod virtio;

#[cfg(all(feature = "pd", target_os = "none"))]
pub mod pd;
#[cfg(any(test, all(feature = "pd", target_os = "none")))]
mod pool;

/// Gives way between two looks at a device that takes its time. A simulator sees to its devices then; a processor may see to others.
#[inline]
pub fn pause() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint that changes nothing.
    unsafe {
        core::arch::asm!("yield", options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "aarch64"))]
    core::hint::spin_loop();
}

/// Why a driver could not bring up its device. The number reaches the operator as the report's `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ProbeError {
    /// The resources name no register region.
    NoRegisters = 1,
    /// What is there is not a device that this driver knows.
    WrongDevice = 2,
    /// The device did not come up.
    Device = 3,
    /// Not enough memory.
    NoMemory = 4,
    /// The device's geometry is one that the class cannot express.
    Geometry = 5,
}
