//! Control and the command PD: bytes of the command channel, both ways, as entries on a link.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most bytes in one entry.
pub const BYTES_MAX: usize = 39;

/// Some bytes. They have no meaning here; frames may begin and end anywhere in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Bytes {
    /// How many of `bytes` count.
    len: u8,
    bytes: [u8; BYTES_MAX],
}
const _: () = assert!(size_of::<Bytes>() == 40);

impl Bytes {
    /// No bytes.
    pub const NONE: Self = Self {
        len: 0,
        bytes: [0; BYTES_MAX],
    };

    /// The first bytes of `source`, as many as fit.
    pub fn take(source: &[u8]) -> Self {
        let len = source.len().min(BYTES_MAX);
        let mut bytes = [0; BYTES_MAX];
        bytes[..len].copy_from_slice(&source[..len]);
        // At most `BYTES_MAX`.
        Self {
            len: len as u8,
            bytes,
        }
    }

    /// The bytes. A length that cannot be (the entry comes from another PD) counts as the largest.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(BYTES_MAX)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_believes_no_length() {
        assert_eq!(Bytes::take(&[7; 100]).as_slice(), [7; BYTES_MAX]);
        assert_eq!(Bytes::take(b"abc").as_slice(), b"abc");
        let hostile = Bytes {
            len: 255,
            bytes: [1; BYTES_MAX],
        };
        assert_eq!(hostile.as_slice().len(), BYTES_MAX);
    }
}
