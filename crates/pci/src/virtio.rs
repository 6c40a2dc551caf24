//! Where a virtio device's registers are (virtio 1.2, 4.1.4).

use crate::{Config, Place, capability};

/// Vendor-specific capability.
const ID: u8 = 0x09;

/// Structures of a virtio device, as its capabilities name them. They are claims: whether a piece lies in a region is for
/// whoever knows the region's size ([`Place::lies_in`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structures {
    /// Common configuration.
    pub common: Option<Place>,
    /// Configuration of the device's kind.
    pub device: Option<Place>,
}

/// Offsets in the common configuration (virtio 1.2, 4.1.4.3), in bytes. Each field is accessed in its own width.
pub mod common {
    /// 32 bits: which half of the features.
    pub const DEVICE_FEATURE_SELECT: usize = 0x00;
    /// 32 bits: the features of that half.
    pub const DEVICE_FEATURE: usize = 0x04;
    /// 16 bits: the interrupt vector of a change of configuration.
    pub const CONFIG_MSIX_VECTOR: usize = 0x10;
    /// 8 bits: device status; 0 resets.
    pub const DEVICE_STATUS: usize = 0x14;
    /// 16 bits: which queue.
    pub const QUEUE_SELECT: usize = 0x16;
    /// 16 bits: the queue's interrupt vector.
    pub const QUEUE_MSIX_VECTOR: usize = 0x1a;
    /// Bytes that every device has.
    pub const LEN: u32 = 0x38;
}

/// What the device says. The first capability of a kind counts.
pub fn structures(config: &impl Config) -> Structures {
    let mut found = Structures::default();
    for capability in capability::all(config).filter(|capability| capability.id == ID) {
        let words = [0, 1, 2, 3].map(|index| capability.word(config, index));
        let [Some(head), Some(bar), Some(offset), Some(len)] = words else {
            continue;
        };
        let place = Place {
            bar: bar as u8,
            offset,
            len,
        };
        let slot = match head >> 24 {
            1 => &mut found.common,
            4 => &mut found.device,
            _ => continue,
        };
        // virtio 1.2, 4.1.4: other values are reserved, and the capability is to be ignored.
        if place.bar < crate::bar::COUNT {
            slot.get_or_insert(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use proptest::prelude::*;

    #[test]
    fn the_first_of_a_kind_counts_and_reserved_regions_do_not() {
        let mut fake = Fake::device();
        // The list is followed from the last that was added.
        fake.capability(0x40, &[0x0110_0009, 4, 0x9000, 0x38]);
        fake.capability(0x50, &[0x0110_0009, 4, 0, 0x1000]);
        fake.capability(0x60, &[0x0110_0009, 6, 0, 0x1000]);
        fake.capability(0x70, &[0x0410_0009, 4, 0x2000, 0x1000]);
        fake.capability(0xf8, &[0x0410_0009, 0]);
        let place = |offset| {
            Some(Place {
                bar: 4,
                offset,
                len: 0x1000,
            })
        };
        let found = structures(&fake);
        assert_eq!((found.common, found.device), (place(0), place(0x2000)));
        assert!(found.device.unwrap().lies_in(0x4000));
        assert!(!found.device.unwrap().lies_in(0x2fff));
    }

    #[test]
    fn a_piece_at_the_end_of_all_numbers_lies_nowhere() {
        let place = Place {
            bar: 0,
            offset: u32::MAX,
            len: u32::MAX,
        };
        assert!(!place.lies_in(u32::MAX.into()));
    }

    proptest! {
        #[test]
        fn any_function_is_answered(words in prop::array::uniform32(any::<u32>()), writable in prop::array::uniform32(any::<u32>())) {
            let found = structures(&Fake::noise(words, writable));
            for place in [found.common, found.device].into_iter().flatten() {
                prop_assert!(place.bar < 6);
            }
        }
    }
}
