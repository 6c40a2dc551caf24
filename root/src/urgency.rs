//! When building a driver must not wait for clients.
//!
//! The stager runs below all clients, so that staging costs them nothing. But while a device has no driver, clients of *other* devices
//! would decide how long its own have to wait.

/// Devices that had a driver and wait for another, by slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bereft(u64);

impl Bereft {
    /// The slot's driver was cut.
    pub fn cut(&mut self, slot: usize) {
        self.0 |= bit(slot);
    }

    /// A driver of the slot was started.
    pub fn started(&mut self, slot: usize) {
        self.0 &= !bit(slot);
    }

    /// The priority of the stager: its own (`given`), or the one below the lowest of the shadows while a device waits.
    pub fn stager(self, given: u8, shadows: impl Iterator<Item = u8>) -> u8 {
        let urgent = shadows.min().map(|lowest| lowest.saturating_sub(1));
        urgent
            .filter(|_| self.0 != 0)
            .map_or(given, |urgent| urgent.max(given))
    }
}

fn bit(slot: usize) -> u64 {
    u32::try_from(slot)
        .ok()
        .and_then(|slot| 1u64.checked_shl(slot))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHADOWS: [u8; 2] = [201, 200];

    fn stager(bereft: Bereft) -> u8 {
        bereft.stager(90, SHADOWS.into_iter())
    }

    #[test]
    fn stager_is_urgent_while_any_device_waits() {
        let mut bereft = Bereft::default();
        assert_eq!(stager(bereft), 90);
        bereft.cut(0);
        bereft.cut(3);
        bereft.cut(3);
        assert_eq!(stager(bereft), 199);
        bereft.started(3);
        assert_eq!(stager(bereft), 199, "the other one still waits");
        bereft.started(0);
        bereft.started(0);
        assert_eq!(stager(bereft), 90);
    }

    #[test]
    fn stager_is_never_below_what_its_description_says() {
        let mut bereft = Bereft::default();
        bereft.cut(1);
        assert_eq!(bereft.stager(220, SHADOWS.into_iter()), 220);
        assert_eq!(bereft.stager(90, [0].into_iter()), 90);
        assert_eq!(bereft.stager(90, [].into_iter()), 90, "no device, no shadow");
        bereft.cut(usize::MAX);
        bereft.started(1);
        assert_eq!(stager(bereft), 90);
    }
}
