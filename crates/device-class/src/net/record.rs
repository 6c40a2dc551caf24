//! The capability record, and what a record lacks of another.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Address, FLAG_CHECKSUM, FLAG_SEGMENT_4, FLAG_SEGMENT_6, HEADER, HEADROOM, RECEIVE_BUFFER};

/// Takes every frame from the wire, or can be told to.
pub const CAP_EVERYTHING: u32 = 1 << 0;
/// Takes frames to groups, or can be told to.
pub const CAP_GROUPS: u32 = 1 << 1;
/// Serves `FLAG_CHECKSUM`.
pub const CAP_CHECKSUM: u32 = 1 << 2;
/// Says `FLAG_VERIFIED` where it is so.
pub const CAP_VERIFY: u32 = 1 << 3;
/// Serves `FLAG_SEGMENT_4`.
pub const CAP_SEGMENT_4: u32 = 1 << 4;
/// Serves `FLAG_SEGMENT_6`.
pub const CAP_SEGMENT_6: u32 = 1 << 5;

/// Nobody knows how the link is.
pub const LINK_UNKNOWN: u32 = 0;
/// No carrier.
pub const LINK_DOWN: u32 = 1;
/// Carrier.
pub const LINK_UP: u32 = 2;

/// Smallest payload a device must take (RFC 791).
pub const MTU_MIN: u16 = 68;
/// Largest payload: the shadow's receive buffers hold it with both headers.
pub const MTU_MAX: u16 = (RECEIVE_BUFFER as u16) - (HEADROOM as u16) - (HEADER as u16);

/// The capability record of the class, compared at every update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetCapabilities {
    /// The device's own address.
    pub mac: [u8; 6],
    /// Most payload bytes of a frame, the header not counted.
    pub mtu: u16,
    /// `CAP_*` bits.
    pub flags: u32,
    /// Most bytes of a frame that the device cuts into segments, 0 without `CAP_SEGMENT_*`.
    pub segment_max: u32,
    /// How the link is: one of the `LINK_*` (information, not compared).
    pub link: u32,
    /// Frames the driver keeps in its device for sending (information, not compared).
    pub transmit_depth: u16,
    /// Buffers the driver keeps in its device for receiving: the shadow posts no more at a time (not compared).
    pub receive_depth: u16,
}
const _: () = assert!(size_of::<NetCapabilities>() == 24);

/// Bits of [`NetCapabilities::lost`]: the device has another address.
pub const LOST_ADDRESS: u32 = 1 << 0;
/// Frames must be shorter.
pub const LOST_MTU: u32 = 1 << 1;
/// Not every frame is taken from the wire.
pub const LOST_EVERYTHING: u32 = 1 << 2;
/// Frames to groups are not taken.
pub const LOST_GROUPS: u32 = 1 << 3;
/// Checksums are not computed.
pub const LOST_CHECKSUM: u32 = 1 << 4;
/// Segments are not cut, or frames to be cut must be shorter.
pub const LOST_SEGMENT: u32 = 1 << 5;

impl NetCapabilities {
    /// The device's own address.
    pub fn address(&self) -> Address {
        Address(self.mac)
    }

    /// The record can be that of a network device.
    pub fn is_sane(&self) -> bool {
        let cuts = self.has(CAP_SEGMENT_4 | CAP_SEGMENT_6);
        self.address().is_station()
            && (MTU_MIN..=MTU_MAX).contains(&self.mtu)
            && self.link <= LINK_UP
            && self.transmit_depth > 0
            && self.receive_depth > 0
            && (!cuts || (self.has(CAP_CHECKSUM) && self.segment_max > self.frame_max()))
    }

    /// Has one of these `CAP_*` bits.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Bytes of the longest frame on the wire, without check sequence.
    #[inline]
    pub fn frame_max(&self) -> u32 {
        u32::from(self.mtu) + HEADER as u32
    }

    /// Bytes of the longest frame that may be asked for with these `FLAG_*`.
    #[inline]
    pub fn length_max(&self, flags: u8) -> u32 {
        if flags & (FLAG_SEGMENT_4 | FLAG_SEGMENT_6) != 0 {
            self.segment_max
        } else {
            self.frame_max()
        }
    }

    /// All these `FLAG_*` of a frame to be sent are served.
    #[inline]
    pub fn serves(&self, flags: u8) -> bool {
        [
            (FLAG_CHECKSUM, CAP_CHECKSUM),
            (FLAG_SEGMENT_4, CAP_SEGMENT_4),
            (FLAG_SEGMENT_6, CAP_SEGMENT_6),
        ]
        .iter()
        .all(|&(flag, cap)| flags & flag == 0 || self.has(cap))
    }

    /// What `new` lacks and `self` has, as `LOST_*` bits. Verified checksums are a help and no promise, so they are no loss.
    pub fn lost(&self, new: &Self) -> u32 {
        let gone = |cap| self.has(cap) && !new.has(cap);
        let cuts = self.has(CAP_SEGMENT_4 | CAP_SEGMENT_6);
        [
            (LOST_ADDRESS, new.mac != self.mac),
            (LOST_MTU, new.mtu < self.mtu),
            (LOST_EVERYTHING, gone(CAP_EVERYTHING)),
            (LOST_GROUPS, gone(CAP_GROUPS) && !new.has(CAP_EVERYTHING)),
            (LOST_CHECKSUM, gone(CAP_CHECKSUM)),
            (
                LOST_SEGMENT,
                gone(CAP_SEGMENT_4) || gone(CAP_SEGMENT_6) || (cuts && new.segment_max < self.segment_max),
            ),
        ]
        .iter()
        .fold(0, |mask, &(bit, lost)| if lost { mask | bit } else { mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: NetCapabilities = NetCapabilities {
        mac: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
        mtu: 1500,
        flags: CAP_EVERYTHING | CAP_GROUPS | CAP_CHECKSUM | CAP_VERIFY | CAP_SEGMENT_4 | CAP_SEGMENT_6,
        segment_max: 65536,
        link: LINK_UP,
        transmit_depth: 16,
        receive_depth: 31,
    };

    #[test]
    fn every_field_of_the_record_is_compared() {
        let lost = |change: fn(&mut NetCapabilities)| {
            let mut new = CARD;
            change(&mut new);
            CARD.lost(&new)
        };
        assert_eq!(lost(|_| {}), 0);
        assert_eq!(lost(|new| new.mac[5] ^= 1), LOST_ADDRESS);
        assert_eq!(lost(|new| new.mtu = 1499), LOST_MTU);
        assert_eq!(lost(|new| new.mtu = 1501), 0);
        assert_eq!(lost(|new| new.flags &= !CAP_EVERYTHING), LOST_EVERYTHING);
        assert_eq!(
            lost(|new| new.flags &= !CAP_GROUPS),
            0,
            "everything includes groups"
        );
        assert_eq!(
            lost(|new| new.flags &= !(CAP_GROUPS | CAP_EVERYTHING)),
            LOST_GROUPS | LOST_EVERYTHING
        );
        assert_eq!(lost(|new| new.flags &= !CAP_CHECKSUM), LOST_CHECKSUM);
        assert_eq!(lost(|new| new.flags &= !CAP_VERIFY), 0);
        assert_eq!(lost(|new| new.flags &= !CAP_SEGMENT_4), LOST_SEGMENT);
        assert_eq!(lost(|new| new.flags &= !CAP_SEGMENT_6), LOST_SEGMENT);
        assert_eq!(lost(|new| new.segment_max = 9000), LOST_SEGMENT);
        assert_eq!(lost(|new| new.link = LINK_DOWN), 0);
        assert_eq!(lost(|new| (new.transmit_depth, new.receive_depth) = (1, 1)), 0);
    }

    #[test]
    fn records_that_no_network_device_can_have_are_not_sane() {
        let sane = |change: fn(&mut NetCapabilities)| {
            let mut record = CARD;
            change(&mut record);
            record.is_sane()
        };
        assert!(sane(|_| {}));
        assert!(!sane(|r| r.mac = [0; 6]));
        assert!(!sane(|r| r.mac[0] |= 1));
        assert!(!sane(|r| r.mtu = MTU_MIN - 1) && !sane(|r| r.mtu = MTU_MAX + 1));
        assert!(sane(|r| r.mtu = MTU_MIN) && sane(|r| r.mtu = MTU_MAX));
        assert!(!sane(|r| r.link = 3));
        assert!(!sane(|r| r.receive_depth = 0) && !sane(|r| r.transmit_depth = 0));
        assert!(!sane(|r| r.segment_max = 1514), "nothing to cut");
        assert!(
            !sane(|r| r.flags &= !CAP_CHECKSUM),
            "a segment needs its checksum"
        );
        assert!(sane(|r| (r.flags, r.segment_max) = (0, 0)));
    }
}
