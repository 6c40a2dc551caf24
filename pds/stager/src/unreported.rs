//! What a stager must leave to its successor: the generation of the job it has not reported on.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Kept in the info area of the stager's own link page, which survives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Unreported {
    /// Generation that was begun; 0: none ever was. Written last.
    pub generation: u32,
    /// Device slot.
    pub slot: u32,
    /// Outcomes that had been reported by then.
    reported: u32,
}

impl Unreported {
    /// Generation `generation` of `slot` was begun after `reported` outcomes.
    pub fn new(slot: u32, generation: u32, reported: u32) -> Self {
        Self {
            generation,
            slot,
            reported,
        }
    }

    /// Whether that is still so: no outcome was published since. Once there is one, the generation is control's.
    pub fn is_of(&self, reported: u32) -> bool {
        self.generation != 0 && self.reported == reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_is_unreported_until_the_next_outcome() {
        let left = Unreported::new(1, 7, 3);
        assert!(left.is_of(3));
        assert!(!left.is_of(4));
        assert!(!Unreported::new(0, 0, 0).is_of(0), "a page that nobody wrote");
    }
}
