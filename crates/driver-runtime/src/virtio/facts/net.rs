//! What a virtio network device says of itself.

use core::ptr::NonNull;

use super::Facts;
use crate::net::{CAP_EVERYTHING, CAP_GROUPS, LINK_DOWN, LINK_UP, NetCapabilities};

/// virtio 1.2, 5.1.3: `mtu` is what the device advises.
pub const F_MTU: u64 = 1 << 3;
/// virtio 1.2, 5.1.3: `status` is there.
pub const F_STATUS: u64 = 1 << 16;
/// `status`: carrier.
const STATUS_LINK_UP: u16 = 1;
/// Payload of a frame unless the device says otherwise (IEEE 802.3).
const MTU: u16 = 1500;

/// Offsets of fields of a network device's configuration (virtio 1.2, 5.1.4), in bytes.
mod config {
    /// `status`.
    pub const STATUS: usize = 6;
    /// `mtu`.
    pub const MTU: usize = 10;
    /// End of what is read here.
    pub const END: usize = MTU + 2;
}

/// What the device said before the release's driver took it over.
#[derive(Debug)]
pub struct NetFacts {
    /// The device's advice, or what is usual.
    mtu: u16,
    /// Where the device says how the link is, if it does.
    status: Option<NonNull<u16>>,
}

impl Facts for NetFacts {
    const DEVICE: u32 = 1;
    const CONFIG_LEN: u32 = config::END as u32;

    unsafe fn read(features: u32, config: NonNull<u32>) -> Self {
        let features = u64::from(features);
        let offered = |feature| features & feature != 0;
        // SAFETY: both offsets are even and below `CONFIG_LEN`, and the caller vouches for the registers up to there.
        unsafe {
            let mtu = if offered(F_MTU) {
                config.byte_add(config::MTU).cast::<u16>().read_volatile()
            } else {
                MTU
            };
            Self {
                mtu: mtu.min(MTU),
                status: offered(F_STATUS).then(|| config.byte_add(config::STATUS).cast()),
            }
        }
    }
}

impl NetFacts {
    /// Those of a device that offers nothing.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            mtu: MTU,
            status: None,
        }
    }

    /// How the link is: one of the `LINK_*`. A device that does not say has a carrier (virtio 1.2, 5.1.4.2).
    pub fn link(&self) -> u32 {
        let Some(status) = self.status else {
            return LINK_UP;
        };
        // SAFETY: `read` was promised the registers for as long as the driver runs, and who has the facts is the driver.
        let status = unsafe { status.read_volatile() };
        if status & STATUS_LINK_UP != 0 {
            LINK_UP
        } else {
            LINK_DOWN
        }
    }

    /// The class's record of a device with these facts, this address and queues of `depth`, served by a release that accepts
    /// none of the offloads and not the control queue: then the device passes every frame on (virtio 1.2, 5.1.6.5.1 lets it, and
    /// QEMU does).
    pub fn capabilities(&self, mac: [u8; 6], depth: u16) -> NetCapabilities {
        NetCapabilities {
            mac,
            mtu: self.mtu,
            flags: CAP_EVERYTHING | CAP_GROUPS,
            segment_max: 0,
            link: self.link(),
            transmit_depth: depth,
            receive_depth: depth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(features: u64, config: &mut [u32; 3]) -> NetFacts {
        // SAFETY: three words, aligned, that outlive the facts in each test.
        unsafe { NetFacts::read(features as u32, NonNull::from(config).cast()) }
    }

    #[test]
    fn advice_and_carrier_count_only_if_they_are_offered() {
        let mut config = [0, 0, 1400 << 16];
        let of = facts(0, &mut config).capabilities([2, 0, 0, 0, 0, 1], 32);
        assert_eq!((of.mtu, of.link), (1500, LINK_UP));
        let of = facts(F_MTU | F_STATUS, &mut config).capabilities([2, 0, 0, 0, 0, 1], 32);
        assert_eq!((of.mtu, of.link), (1400, LINK_DOWN));
        config[1] = 1 << 16;
        config[2] = 9000 << 16;
        let facts = facts(F_MTU | F_STATUS, &mut config);
        let of = facts.capabilities([2, 0, 0, 0, 0, 1], 32);
        assert_eq!((of.mtu, of.link), (1500, LINK_UP));
        assert!(of.is_sane());
    }

    #[test]
    fn carrier_is_read_anew() {
        let mut config = [0; 3];
        let facts = facts(F_STATUS, &mut config);
        assert_eq!(facts.link(), LINK_DOWN);
        let status = facts.status.unwrap();
        // SAFETY: the second half of the second word of `config`, which lives.
        unsafe { status.write_volatile(STATUS_LINK_UP) };
        assert_eq!(facts.link(), LINK_UP);
    }
}
