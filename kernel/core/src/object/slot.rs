//! A capability slot: four words, the capability in two and its place in the derivation list in two.

use super::{Field, Slot, SlotKind};

/// log2 of the size of a slot.
pub const SLOT_BITS: u32 = 5;
/// Size of a slot in bytes.
pub const SLOT_BYTES: u64 = 1 << SLOT_BITS;

/// First word of the capability (see `cap`).
pub const CAP0: Field<SlotKind, u64> = Field::at(0);
/// Second word of the capability.
pub const CAP1: Field<SlotKind, u64> = Field::at(8);
/// Previous slot in the derivation list.
pub const PREV: Field<SlotKind, u64> = Field::at(16);
/// Next slot in the derivation list, and [`ORIGINAL`].
pub const NEXT: Field<SlotKind, u64> = Field::at(24);

/// Flag in [`NEXT`]: this capability may have derived ones; revoking it deletes them.
pub const ORIGINAL: u64 = 1 << 63;
/// The address part of the two list words.
pub const LINK_MASK: u64 = (1 << 48) - 1;

/// The `index`-th slot of the table that starts at `base`.
pub const fn nth(base: u64, index: u64) -> Slot {
    Slot::at(base + index * SLOT_BYTES)
}
