//! What survives control's death: a region that root owns, with the state of every slot's transaction.
//!
//! Written at every step and before every call that changes who has the device. A control that finds a valid state when
//! it starts goes on from there ([`Machine::resume`](crate::transaction::Machine::resume)).

use control_protocol::cause::Cause;
use control_protocol::reply::MAX_TRIED;
use system_spec::config::MAX_SLOTS;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::recovery::TOO_MANY;

/// "UMCS".
pub const MAGIC: u32 = 0x5343_4d55;
/// Version of the layout.
pub const VERSION: u32 = 5;
/// No package.
pub const NO_PACKAGE: u32 = u32::MAX;
/// Bytes of a reason, encoded: the longest fits (tested in [`crate::recovery`]).
pub const REASON: usize = 32;
/// Most generations that wait to be given back: root has room for three, and one more may be under way.
pub const MAX_DEAD: usize = 6;

/// A generation; number 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SavedGeneration {
    /// Number.
    pub generation: u32,
    /// A [`Side`](supervision::Side).
    pub side: u32,
    /// Store slot.
    pub package: u32,
}

/// A package whose drivers failed ([`recovery::Tried`](crate::recovery::Tried)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SavedTried {
    /// When the last one did, in ticks.
    pub last: u64,
    /// Store slot, or [`NO_PACKAGE`].
    pub package: u32,
    /// How many failed; 0: nothing stands here.
    pub times: u32,
    /// Why the last one did, as it goes to the operator.
    pub reason: [u8; REASON],
}

/// Failures of a slot's drivers ([`recovery::Failures`](crate::recovery::Failures)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SavedFailures {
    /// The newest, in ticks, oldest first.
    pub recent: [u64; TOO_MANY],
    /// How many of them there are.
    pub count: u32,
    /// 1: the last good package was put in already.
    pub fell_back: u32,
    /// What failed, oldest first.
    pub tried: [SavedTried; MAX_TRIED],
}

/// One slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SlotState {
    /// Number of the step (`transaction::Step::number`); 0: nothing was saved.
    pub step: u32,
    /// 1: the holder, if there is one, is just being cut, or could not be.
    pub doubtful: u32,
    /// Number of the last transaction.
    pub transaction: u32,
    /// 1: the device was reset since its last holder was cut.
    pub device_clean: u32,
    /// Who has the device.
    pub holder: SavedGeneration,
    /// Who is to get it.
    pub target: SavedGeneration,
    /// Pristine copy of the driver before.
    pub spare: SavedGeneration,
    /// Staged for an order to come.
    pub held: SavedGeneration,
    /// 1: the update on probation is final when the operator says so.
    pub manual: u32,
    /// Package that should run, or [`NO_PACKAGE`].
    pub package: u32,
    /// Package to go back to, or [`NO_PACKAGE`].
    pub previous: u32,
    /// Side of the last generation that had the device.
    pub last_side: u32,
    /// Jobs given to the stager so far.
    pub jobs: u32,
    /// Packages with a smaller security floor are refused.
    pub floor: u32,
    /// Keys that were revoked: a bit each, in the order of the configuration.
    pub revoked: u32,
    /// Generations to be given back; 0: none.
    pub dead: [u32; MAX_DEAD],
    /// Updates that succeeded.
    pub updates: u32,
    /// Drivers that were lost.
    pub failed: u32,
    /// Drivers that were lost, by [`Cause`].
    pub causes: [u32; Cause::COUNT],
    /// Failures that count.
    pub failures: SavedFailures,
}

/// The region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Saved {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// By slot index.
    pub slots: [SlotState; MAX_SLOTS],
}

impl Saved {
    /// A state in which nothing has happened.
    pub fn fresh() -> Self {
        Self {
            magic: MAGIC,
            version: VERSION,
            slots: [SlotState::default(); MAX_SLOTS],
        }
    }

    /// The state in the region, if there is one of our version.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (saved, _) = Self::read_from_prefix(bytes).ok()?;
        (saved.magic == MAGIC && saved.version == VERSION).then_some(saved)
    }
}
