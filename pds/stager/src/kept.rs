//! Copies of packages that were verified, in memory that nobody else can write.
//!
//! Most of what staging a copy of a running driver takes is the package's hash, and clients wait for it when the driver has
//! crashed. Whether the package in the store is, byte by byte, one that was verified is found out at a fortieth of that.

/// Bytes of a package that is kept, at most: the largest of ours have some 48 KiB. A larger one is verified anew each time. All
/// copies are memory that root clears when it starts the stager anew, which it does for 256 KiB at most (`root::shell::system`).
pub const LEN_MAX: usize = 52 * 1024;

/// Room for one copy.
#[derive(Clone, Debug)]
pub struct Copy {
    /// 0: none.
    len: usize,
    bytes: [u8; LEN_MAX],
}

impl Copy {
    /// No copy.
    pub const EMPTY: Self = Self {
        len: 0,
        bytes: [0; LEN_MAX],
    };
}

/// The copies; the one that was made first gives way to the next.
#[derive(Debug, Default)]
pub(crate) struct Kept<'a> {
    copies: &'a mut [Copy],
    next: usize,
}

impl<'a> Kept<'a> {
    /// No copies yet.
    pub fn new(copies: &'a mut [Copy]) -> Self {
        Self { copies, next: 0 }
    }

    /// These bytes were kept.
    pub fn has(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty()
            && self
                .copies
                .iter()
                .any(|copy| copy.len == bytes.len() && copy.bytes.get(..copy.len) == Some(bytes))
    }

    /// Keep a copy of these bytes if the copy is `right`: others may write where the bytes lie, and did so since they were verified
    /// for all we know.
    pub fn keep(&mut self, bytes: &[u8], right: impl FnOnce(&[u8]) -> bool) {
        let count = self.copies.len().max(1);
        let Some(copy) = self.copies.get_mut(self.next % count) else {
            return;
        };
        if let Some(place) = copy.bytes.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            copy.len = if right(place) { bytes.len() } else { 0 };
            self.next = (self.next + 1) % count;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn only_what_was_kept_is_known_and_the_oldest_gives_way() {
        let mut room = std::vec![Copy::EMPTY; 2];
        let mut kept = Kept::new(&mut room);
        assert!(!kept.has(&[]));
        for package in [b"one", b"two"] {
            assert!(!kept.has(package));
            kept.keep(package, |_| true);
            assert!(kept.has(package));
        }
        assert!(kept.has(b"one") && !kept.has(b"ona") && !kept.has(b"on"));
        kept.keep(b"six", |copy| copy == b"six");
        assert!(!kept.has(b"one") && kept.has(b"two") && kept.has(b"six"));
        kept.keep(b"ten", |_| false);
        assert!(!kept.has(b"two") && !kept.has(b"ten"));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let mut room = [Copy::EMPTY];
        let mut kept = Kept::new(&mut room);
        kept.keep(&[1; LEN_MAX + 1], |_| true);
        assert!(!kept.has(&[1; LEN_MAX + 1]) && !kept.has(&[1; LEN_MAX]));
        Kept::default().keep(&[1], |_| true);
        assert!(!Kept::default().has(&[1]));
    }
}
