//! Addresses that are the same in every system.

/// IPC buffer of a PD: the last page of user addresses (Microkit).
pub(crate) const IPC_BUFFER: u64 = 0x7fff_ffff_f000;
/// First address behind a PD's stack; a page stays free below the IPC buffer (Microkit).
pub(crate) const STACK_TOP: u64 = 0x7fff_ffff_e000;
/// Derived regions are mapped from here: far above where programs are linked and descriptions map.
pub(crate) const DERIVED_BASE: u64 = 0x10_0000_0000;
/// Regions whose physical address must be known when the image is built lie here: the middle of RAM, far from the
/// image at its start and from what the kernel takes at its end.
pub(crate) const PHYS_POOL: u64 = 0x8000_0000;
