//! A device slot's device.

use smmu::{Access, MapError, Memory, Smmu, Space};
use supervision::root::PLACES;
use system_spec::config::IommuSlot;

use crate::Root;

/// Bytes of the page with the doorbell.
const DOORBELL_LEN: u64 = 0x1000;

/// A device.
pub struct Device {
    /// Number of its slot.
    pub slot: u32,
    /// What it reaches.
    pub space: Space<PLACES>,
}

impl Device {
    /// The device of `slot`, number `number` of all, with its ranges that stay: data regions, and the doorbell if it has messages.
    pub fn new(
        smmu: &Smmu,
        memory: &mut impl Memory,
        root: &mut impl Root,
        number: usize,
        slot: &IommuSlot,
        doorbell: Option<u64>,
    ) -> Result<Self, MapError> {
        let mut places = [0; PLACES];
        for (index, place) in places.iter_mut().enumerate() {
            (*place, _) = root.reach(slot.slot, index).ok_or(MapError::Range)?;
        }
        let mut space = Space::new(smmu, memory, number, slot.stream, places)?;
        if let Some(doorbell) = doorbell {
            space.keep(memory, doorbell, DOORBELL_LEN, Access::Registers)?;
        }
        let mut index = PLACES;
        while let Some((paddr, len)) = root.reach(slot.slot, index) {
            space.keep(memory, paddr, len, Access::Write)?;
            index += 1;
        }
        Ok(Self {
            slot: slot.slot,
            space,
        })
    }
}
