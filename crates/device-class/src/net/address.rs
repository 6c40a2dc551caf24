//! Ethernet addresses, and the header of a frame.

/// Bytes of the header of a frame: destination, source, type.
pub const HEADER: usize = 14;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address(pub [u8; 6]);

/// Everybody.
pub const BROADCAST: Address = Address([0xff; 6]);

impl Address {
    /// A group, or everybody (IEEE 802.3, 3.2.3: the first bit on the wire).
    #[inline]
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// One station's.
    pub fn is_station(self) -> bool {
        !self.is_group() && self.0 != [0; 6]
    }

    /// In the low 48 bits of a word, the first byte lowest.
    #[inline]
    pub fn to_word(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }

    /// From the low 48 bits of a word.
    #[inline]
    pub fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, _, _] = word.to_le_bytes();
        Self([a, b, c, d, e, f])
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whom it is for.
    pub destination: Address,
    /// Whom it is from.
    pub source: Address,
}

impl Header {
    /// From the first bytes of a frame.
    #[inline]
    pub fn parse(bytes: &[u8; HEADER]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, _, _] = *bytes;
        Self {
            destination: Address([a, b, c, d, e, f]),
            source: Address([g, h, i, j, k, l]),
        }
    }

    /// From the first sixteen bytes of a frame as two words, the first byte lowest.
    #[inline]
    pub fn of_pair([low, high]: [u64; 2]) -> Self {
        Self {
            destination: Address::from_word(low),
            source: Address::from_word(low >> 48 | high << 16),
        }
    }
}

/// The bit of a multicast filter that stands for this group: the top six bits of the address's CRC-32 (IEEE 802.3), as most
/// devices have it. Several groups share a bit, so a filter lets through more than was asked for.
pub fn group_bit(group: Address) -> u64 {
    let crc = group.0.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    1 << (crc & 0x3f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_survives_a_word() {
        let address = Address([0x52, 0x54, 0, 0x12, 0x34, 0xff]);
        assert_eq!(Address::from_word(address.to_word()), address);
        assert_eq!(Address::from_word(address.to_word() | 0xabcd << 48), address);
    }

    #[test]
    fn groups_are_told_from_stations() {
        assert!(BROADCAST.is_group() && !BROADCAST.is_station());
        assert!(Address([1, 0, 0x5e, 0, 0, 1]).is_group());
        assert!(Address([2, 0, 0, 0, 0, 1]).is_station());
        assert!(!Address([0; 6]).is_station());
    }

    #[test]
    fn groups_are_spread_over_the_filter() {
        let bits = (0..=255u8).fold(0, |bits, last| {
            bits | group_bit(Address([1, 0, 0x5e, 0, 0, last]))
        });
        assert!(bits.count_ones() > 48, "{bits:b}");
        assert_eq!(group_bit(BROADCAST).count_ones(), 1);
    }
}
