//! Configuration that clients gave and that a new generation must have again: the last word on each matter.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Matters that can be journalled per slot.
pub const CAPACITY: usize = 16;

/// Kind of matter: a session is open.
pub const SESSION: u32 = 1;
/// Kind of matter: digest of what was learnt of the device.
pub const LEARNT: u32 = 2;

/// One matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Matter {
    /// What it is about; 0: the entry is free.
    pub kind: u32,
    /// Session it belongs to.
    pub session: u32,
    /// Its value.
    pub words: [u64; 2],
}

/// The journal of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Journal {
    matters: [Matter; CAPACITY],
}

impl Journal {
    /// Write down a matter, in place of what was said of it before. False: no room.
    pub fn record(&mut self, kind: u32, session: u32, words: [u64; 2]) -> bool {
        let known = self
            .matters
            .iter()
            .position(|m| m.kind == kind && m.session == session);
        let index = known.or_else(|| self.matters.iter().position(|m| m.kind == 0));
        match index {
            Some(index) => self.matters[index] = Matter { kind, session, words },
            None => return false,
        }
        true
    }

    /// Strike a matter out.
    pub fn strike(&mut self, kind: u32, session: u32) {
        self.matters
            .iter_mut()
            .filter(|m| m.kind == kind && m.session == session)
            .for_each(|m| *m = Matter::default());
    }

    /// The value of a matter.
    pub fn get(&self, kind: u32, session: u32) -> Option<[u64; 2]> {
        self.matters
            .iter()
            .find(|m| m.kind == kind && m.session == session)
            .map(|m| m.words)
    }

    /// All matters.
    pub fn iter(&self) -> impl Iterator<Item = &Matter> {
        self.matters.iter().filter(|m| m.kind != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn last_word_counts_and_room_is_bounded() {
        let mut journal = Journal::new_zeroed();
        assert!(journal.record(SESSION, 1, [1, 2]));
        assert!(journal.record(SESSION, 1, [3, 4]));
        assert_eq!(journal.get(SESSION, 1), Some([3, 4]));
        assert_eq!(journal.iter().count(), 1);
        let taken = (0..100).filter(|&n| journal.record(LEARNT, n, [0, 0])).count();
        assert_eq!(taken, CAPACITY - 1);
        journal.strike(SESSION, 1);
        assert_eq!(journal.get(SESSION, 1), None);
    }
}
