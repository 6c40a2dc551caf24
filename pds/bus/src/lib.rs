//! The bus PD: it alone resets devices, and says so to root itself.
//!
//! A reset is believed when it was read back. Until then root neither starts a successor nor reuses what the old
//! generation's device could still write to.

#![no_std]
#![forbid(unsafe_code)]

use supervision::Code;
use supervision::bus::Op;
use system_spec::config::{BusSlot, MAX_SLOTS};

pub mod behind;
pub mod doorbell;
pub mod e1000;
pub mod function;
pub mod host;
pub mod nvme;
pub mod space;
pub mod virtio_mmio;
pub mod virtio_pci;

/// What a call wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reset the device of a slot, then tell root.
    Reset(BusSlot),
    /// Say what is in a slot.
    Identify(BusSlot),
    /// Say whether something is in a slot.
    Presence(BusSlot),
    /// Take the power from what is to leave a slot.
    Release(BusSlot),
}

/// The slots whose devices are ours.
#[derive(Debug)]
pub struct Bus<'a> {
    slots: &'a [BusSlot],
}

impl<'a> Bus<'a> {
    /// Serves the first `count` of `slots`.
    pub fn new(slots: &'a [BusSlot; MAX_SLOTS], count: u64) -> Self {
        Self {
            slots: slots.get(..count as usize).unwrap_or(slots),
        }
    }

    /// The slots.
    pub fn slots(&self) -> &'a [BusSlot] {
        self.slots
    }

    /// Checks a call.
    pub fn request(&self, label: u64, slot: u64) -> Result<Request, Code> {
        let found = self
            .slots
            .iter()
            .find(|known| u64::from(known.slot) == slot)
            .ok_or(Code::Invalid);
        if label == Op::Reset as u64 {
            Ok(Request::Reset(*found?))
        } else if label == Op::Identify as u64 {
            Ok(Request::Identify(*found?))
        } else if label == Op::Presence as u64 {
            Ok(Request::Presence(*found?))
        } else if label == Op::Release as u64 {
            Ok(Request::Release(*found?))
        } else {
            Err(Code::Denied)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_operations_on_known_slots_are_served() {
        let mut slots = [BusSlot::default(); MAX_SLOTS];
        slots[0] = BusSlot {
            registers: 0x1000,
            slot: 2,
            transport: 1,
            ..BusSlot::default()
        };
        let bus = Bus::new(&slots, 1);
        assert_eq!(bus.request(1, 2), Ok(Request::Reset(slots[0])));
        assert_eq!(bus.request(2, 2), Ok(Request::Identify(slots[0])));
        assert_eq!(bus.request(1, 0), Err(Code::Invalid));
        assert_eq!(bus.request(5, 2), Err(Code::Denied));
        assert_eq!(Bus::new(&slots, 99).slots.len(), MAX_SLOTS);
        assert_eq!(Bus::new(&slots, 0).request(1, 2), Err(Code::Invalid));
    }
}
