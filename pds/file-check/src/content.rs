//! New content of files: a stream of bytes from a seed.

/// The bytes of one version of one file.
#[derive(Clone, Debug)]
pub struct Content(u64);

impl Content {
    /// The stream for that file and version.
    pub fn new(seed: u64, file: usize, version: u32) -> Self {
        Self(mix(seed ^ mix((file as u64) << 32 | u64::from(version))))
    }

    /// The next bytes. Pieces of a multiple of 8 bytes give the same stream, however it is cut.
    pub fn fill(&mut self, data: &mut [u8]) {
        for chunk in data.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let bytes = mix(self.0).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    /// A size for that version, from half to one and a half of `original` bytes.
    pub fn size(seed: u64, file: usize, version: u32, original: u32) -> u32 {
        let random = mix(seed ^ mix((file as u64) << 40 | u64::from(version) | 1 << 63));
        let span = u64::from(original) + 1;
        (u64::from(original / 2) + ((u128::from(random) * u128::from(span)) >> 64) as u64) as u32
    }
}

/// Finaliser of splitmix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_does_not_depend_on_how_it_is_cut() {
        let (mut whole, mut pieces) = ([0; 1001], [0; 1001]);
        Content::new(5, 1, 2).fill(&mut whole);
        let mut content = Content::new(5, 1, 2);
        for piece in pieces.chunks_mut(64) {
            content.fill(piece);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn size_stays_near_the_original() {
        for version in 0..1000 {
            let size = Content::size(9, 3, version, 1000);
            assert!((500..=1500).contains(&size));
        }
        assert_eq!(Content::size(9, 3, 1, 0), 0);
    }
}
