//! virtio devices that are PCI functions (virtio 1.2, section 4.1).

use pci::Mmio;
use pci::virtio::common;

use crate::behind::Device;

/// `VIRTIO_F_ACCESS_PLATFORM` (virtio 1.2, 6), in the upper half of the features: what the device reaches, the platform limits.
const ACCESS_PLATFORM: u32 = 1 << (33 - 32);
/// Number of that half.
const UPPER: u32 = 1;

/// The common configuration of a virtio device (virtio 1.2, 4.1.4.3).
pub trait Common: Mmio {
    /// Reads the device status.
    fn status(&self) -> u8;
    /// Writes it.
    fn set_status(&mut self, value: u8);
}

/// A device, by its status: 0 resets it, and is read when that is done (virtio 1.2, 4.1.4.3.1).
#[derive(Debug)]
pub struct Virtio<C>(pub C);

impl<C: Common> Device for Virtio<C> {
    fn reset(&mut self) {
        self.0.set_status(0);
    }
    fn is_reset(&self) -> bool {
        self.0.status() == 0
    }
    fn status(&self) -> u32 {
        self.0.status().into()
    }
    fn is_limited(&mut self) -> bool {
        self.0.write(common::DEVICE_FEATURE_SELECT, UPPER);
        self.0.read(common::DEVICE_FEATURE) & ACCESS_PLATFORM != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One with these features.
    struct Fake(u64, u32);

    impl Common for Fake {
        fn status(&self) -> u8 {
            0
        }
        fn set_status(&mut self, _: u8) {}
    }

    impl Mmio for Fake {
        fn read(&self, offset: usize) -> u32 {
            assert_eq!(offset, common::DEVICE_FEATURE);
            (self.0 >> (32 * self.1)) as u32
        }
        fn write(&mut self, offset: usize, value: u32) {
            assert_eq!(offset, common::DEVICE_FEATURE_SELECT);
            self.1 = value;
        }
    }

    #[test]
    fn only_a_device_that_offers_it_is_limited() {
        for (features, limited) in [(1 << 33, true), (!(1 << 33), false), (1 << 1, false)] {
            assert_eq!(Virtio(Fake(features, 0)).is_limited(), limited, "{features:#x}");
        }
    }
}
