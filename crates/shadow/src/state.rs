//! The state of a shadow, in a versioned region that root owns: it outlives the shadow.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::journal::Journal;
use crate::tracker::Tracker;

/// "SHDW".
pub const MAGIC: u32 = 0x5744_4853;
/// Version of the layout.
pub const VERSION: u32 = 1;

/// First bytes of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Class number.
    pub class: u32,
    /// Slots that follow.
    pub slots: u32,
}

/// What is kept of one slot.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotState {
    /// Number of the mode (information).
    pub mode: u32,
    /// Generation attached, 0 if none.
    pub generation: u32,
    /// Its side.
    pub side: u32,
    /// 1: `promised` and `running` are valid.
    pub has_record: u32,
    /// Capability record that clients were promised.
    pub promised: [u64; 8],
    /// Capability record of the running driver.
    pub running: [u64; 8],
    /// Requests.
    pub tracker: Tracker,
    /// Configuration.
    pub journal: Journal,
}

const _: () = assert!(size_of::<Header>() == 16);

/// Bytes that a region for `slots` slots must have.
pub const fn region_len(slots: usize) -> usize {
    size_of::<Header>() + slots * size_of::<SlotState>()
}

/// The region cannot hold the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort;

/// Start with an empty state in the region.
///
/// # Errors
/// The region is shorter than [`region_len`] says, or not aligned to 8.
pub fn initialise(region: &mut [u8], class: u32, slots: usize) -> Result<&mut [SlotState], TooShort> {
    let region = region.get_mut(..region_len(slots)).ok_or(TooShort)?;
    region.fill(0);
    let (header, rest) = region.split_at_mut(size_of::<Header>());
    let state = <[SlotState]>::mut_from_bytes(rest).map_err(|_| TooShort)?;
    let valid = Header {
        magic: MAGIC,
        version: VERSION,
        class,
        slots: slots as u32,
    };
    header.copy_from_slice(valid.as_bytes());
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_holds_header_and_slots_or_is_refused() {
        let mut words = [u64::MAX; 8192 / 4];
        let region = words.as_mut_bytes();
        let len = region_len(2);
        assert_eq!(initialise(&mut region[..len - 1], 1, 2).err(), Some(TooShort));
        let slots = initialise(region, 1, 2).unwrap();
        assert_eq!((slots.len(), slots[1].generation), (2, 0));
        let (header, _) = Header::read_from_prefix(region).unwrap();
        assert_eq!(
            header,
            Header {
                magic: MAGIC,
                version: VERSION,
                class: 1,
                slots: 2
            }
        );
    }
}
