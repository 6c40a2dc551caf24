//! A device that is a PCI function: where its structures are, and what a release leaves out.

use core::ptr::NonNull;

use pci::virtio::{common, structures};
use pci::{Place, header, msix};

use super::Facts;
use crate::ProbeError;
use crate::function::ConfigCopy;
use crate::resources::Resources;

/// virtio 1.2, 4.1.2: vendor, and device ids as virtio numbers them start here.
const VENDOR: u16 = 0x1af4;
const FIRST_DEVICE: u16 = 0x1040;

/// Gives a queue its interrupt, which no release does.
#[derive(Debug)]
pub struct Vectors {
    /// The common configuration; none: the function's interrupt is a line, and needs no saying.
    common: Option<NonNull<u32>>,
}

impl Vectors {
    /// Makes the queue's interrupt the function's one message, and that of a change of configuration too. To be said before the
    /// queue is switched on (virtio 1.2, 4.1.4.3.2).
    pub fn aim(&mut self, queue: u16) {
        let Some(common) = self.common else { return };
        for (offset, value) in [
            (common::CONFIG_MSIX_VECTOR, 0),
            (common::QUEUE_SELECT, queue),
            (common::QUEUE_MSIX_VECTOR, 0),
        ] {
            // SAFETY: `open` found `common::LEN` bytes of registers there, which this generation alone has; the fields are of
            // this width. The release selects its queue anew before it uses one.
            unsafe { common.byte_add(offset).cast::<u16>().write_volatile(value) };
        }
    }
}

/// A function as a release finds it.
#[derive(Debug)]
pub struct PciDevice<F> {
    /// Configuration space.
    pub copy: ConfigCopy,
    /// What the device says of itself.
    pub facts: F,
    /// What the release leaves out.
    pub vectors: Vectors,
}

impl<F: Facts> PciDevice<F> {
    /// The function, if the device is on PCI.
    ///
    /// # Errors
    /// [`ProbeError::WrongDevice`]: it is not such a device. [`ProbeError::NoRegisters`]: its structures do not lie in our regions.
    pub fn open(resources: &Resources) -> Result<Option<Self>, ProbeError> {
        let Some(copy) = ConfigCopy::read(resources) else {
            return Ok(None);
        };
        if header::identity(&copy) != Some((VENDOR, FIRST_DEVICE + F::DEVICE as u16)) {
            return Err(ProbeError::WrongDevice);
        }
        let found = structures(&copy);
        let here = |place: Option<Place>, least: u32| {
            place
                .filter(|place| place.len >= least)
                .and_then(|place| copy.here(&place, resources.mmio()))
                .ok_or(ProbeError::NoRegisters)
        };
        let common = here(found.common, common::LEN)?;
        let device = here(found.device, F::CONFIG_LEN)?;
        // SAFETY: both lie in regions that root mapped, are aligned and long enough, which `here` checked, and the release's
        // driver does not run yet.
        let facts = unsafe {
            common.byte_add(common::DEVICE_FEATURE_SELECT).write_volatile(0);
            let features = common.byte_add(common::DEVICE_FEATURE).read_volatile();
            F::read(features, device)
        };
        let vectors = Vectors {
            common: msix::is_on(&copy).then_some(common),
        };
        Ok(Some(Self { copy, facts, vectors }))
    }
}
