//! The memory of a shadow, in a versioned region that root owns: the [`ledger`](crate::ledger) of each slot, which outlives
//! the shadow, and behind it room to work in, which starts empty in each life.

use core::sync::atomic::AtomicU64;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::journal::Journal;
use crate::ledger::{Ledger, Part, Region, SLOT_WORDS};
use crate::tracker::Tracker;

/// "SHDW".
pub const MAGIC: u32 = 0x5744_4853;
/// Version of the layout: changed with whatever changes the meaning of a word.
pub const VERSION: u32 = 4;

/// Words before the ledgers: magic and version, then class and slots, then sessions.
const HEADER_WORDS: usize = 4;

/// Room to work in, for one slot.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotState {
    /// Number of the mode (information).
    pub mode: u32,
    /// Generation attached, 0 if none.
    pub generation: u32,
    /// Its side.
    pub side: u32,
    /// 1: `running` is valid.
    pub has_record: u32,
    /// Capability record of the running driver.
    pub running: [u64; 8],
    /// Requests.
    pub tracker: Tracker,
    /// Configuration.
    pub journal: Journal,
}

/// Bytes of the part that outlives the shadow, for `slots` slots.
pub const fn kept_len(slots: usize) -> usize {
    (HEADER_WORDS + slots * SLOT_WORDS) * 8
}

/// Bytes of the part to work in, for `slots` slots.
pub const fn work_len(slots: usize) -> usize {
    slots * size_of::<SlotState>()
}

/// Bytes that a region for `slots` slots must have.
pub const fn region_len(slots: usize) -> usize {
    kept_len(slots) + work_len(slots)
}

/// What the region is for; another shadow's cannot be gone on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Class number.
    pub class: u32,
    /// Slots.
    pub slots: u32,
    /// Sessions of all slots.
    pub sessions: u32,
}

/// What was found in the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it is this shadow's first life. Call [`begin`] when all slots are written.
    Nothing,
    /// What a predecessor left.
    Predecessor,
    /// What a shadow of another layout, class or configuration left: it cannot be gone on from.
    Stranger,
}

/// What the region holds.
pub fn find(region: &impl Region, shape: Shape) -> Found {
    let found = core::array::from_fn(|at| region.load(at));
    if found == words(shape) {
        Found::Predecessor
    } else if found[0] == 0 {
        Found::Nothing
    } else {
        Found::Stranger
    }
}

/// From here on the region is this shadow's.
pub fn begin(region: &impl Region, shape: Shape) {
    let words = words(shape);
    for at in (0..HEADER_WORDS).rev() {
        region.store(at, words[at]);
    }
}

fn words(shape: Shape) -> [u64; HEADER_WORDS] {
    [
        u64::from(MAGIC) | u64::from(VERSION) << 32,
        u64::from(shape.class) | u64::from(shape.slots) << 32,
        shape.sessions.into(),
        SLOT_WORDS as u64,
    ]
}

/// The ledger of a slot.
pub fn ledger<R: Region>(region: R, slot: usize) -> Ledger<Part<R>> {
    Ledger::new(Part::new(region, HEADER_WORDS + slot * SLOT_WORDS))
}

/// The same in memory; `None`: the region is too short.
pub fn ledger_in(region: &[AtomicU64], slot: usize) -> Option<Ledger<&[AtomicU64; SLOT_WORDS]>> {
    let words = region.get(HEADER_WORDS + slot * SLOT_WORDS..)?;
    words.first_chunk().map(Ledger::new)
}

/// The part to work in is too short, or not aligned to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort;

/// Empty room to work in, for so many slots.
///
/// # Errors
/// See [`TooShort`].
pub fn initialise(work: &mut [u8], slots: usize) -> Result<&mut [SlotState], TooShort> {
    let work = work.get_mut(..work_len(slots)).ok_or(TooShort)?;
    work.fill(0);
    <[SlotState]>::mut_from_bytes(work).map_err(|_| TooShort)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn room_to_work_in_is_long_enough_or_refused() {
        let mut words = [u64::MAX; 8192 / 4];
        let work = words.as_mut_bytes();
        let len = work_len(1);
        assert_eq!(initialise(&mut work[..len - 1], 1).err(), Some(TooShort));
        let slots = initialise(work, 1).unwrap();
        assert_eq!((slots.len(), slots[0].generation), (1, 0));
    }

    #[test]
    fn another_shadows_region_is_not_gone_on_from() {
        let words: Vec<AtomicU64> = (0..kept_len(1) / 8).map(|_| AtomicU64::new(0)).collect();
        let region = &words[..];
        let shape = Shape {
            class: 1,
            slots: 1,
            sessions: 2,
        };
        assert_eq!(find(&region, shape), Found::Nothing);
        begin(&region, shape);
        assert_eq!(find(&region, shape), Found::Predecessor);
        assert_eq!(find(&region, Shape { sessions: 3, ..shape }), Found::Stranger);
        region.store(0, u64::from(MAGIC) | u64::from(VERSION + 1) << 32);
        assert_eq!(find(&region, shape), Found::Stranger);
    }
}
