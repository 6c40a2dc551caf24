//! The boot information frame, written word by word.

use core::mem::offset_of;
use core::ops::Range;

use sel4_abi::bootinfo::{BootInfo, BootInfoHeader, BootInfoId, SlotRegion, UntypedDesc};
use sel4_abi::config::ROOT_CNODE_SIZE_BITS;

use crate::machine::Memory;
use crate::object::PhysAddr;

/// Size of the header of a piece of extra boot information.
pub const HEADER_BYTES: u64 = size_of::<BootInfoHeader>() as u64;

/// Offset of the region of empty slots.
pub const EMPTY: usize = offset_of!(BootInfo, empty);
/// Offset of the region of the user image's frames.
pub const USER_IMAGE_FRAMES: usize = offset_of!(BootInfo, user_image_frames);
/// Offset of the region of the user image's page tables.
pub const USER_IMAGE_PAGING: usize = offset_of!(BootInfo, user_image_paging);
/// Offset of the region of the extra boot information's frames.
pub const EXTRA_PAGES: usize = offset_of!(BootInfo, extra_bi_pages);
/// Offset of the region of scheduling control capabilities.
pub const SCHED_CONTROL: usize = offset_of!(BootInfo, sched_control);
/// Offset of the region of untypeds.
pub const UNTYPED: usize = offset_of!(BootInfo, untyped);

/// The boot information frame.
pub struct Info {
    at: PhysAddr,
    untypeds: usize,
}

impl Info {
    /// The frame at `at`, which is zero.
    pub const fn new(at: PhysAddr) -> Self {
        Self { at, untypeds: 0 }
    }

    /// Writes what is known from the start.
    pub fn begin(&mut self, m: &mut impl Memory, buffer: u64, extra_bytes: u64) {
        m.store(self.at, offset_of!(BootInfo, extra_len) as u64, extra_bytes);
        m.store(self.at, offset_of!(BootInfo, num_nodes) as u64, 1);
        m.store(self.at, offset_of!(BootInfo, ipc_buffer) as u64, buffer);
        let slots = offset_of!(BootInfo, init_thread_cnode_size_bits) as u64;
        m.store(self.at, slots, ROOT_CNODE_SIZE_BITS as u64);
    }

    /// Writes a region of slots.
    pub fn set_region(&mut self, m: &mut impl Memory, field: usize, region: SlotRegion) {
        m.store(self.at, field as u64, region.start);
        m.store(self.at, field as u64 + 8, region.end);
    }

    /// Number of untypeds described.
    pub fn untyped_count(&self) -> usize {
        self.untypeds
    }

    /// Describes a further untyped.
    pub fn add_untyped(&mut self, m: &mut impl Memory, at: PhysAddr, bits: u32, device: bool) {
        let entry = offset_of!(BootInfo, untyped_list) + self.untypeds * size_of::<UntypedDesc>();
        m.store(self.at, entry as u64, at);
        m.store(self.at, entry as u64 + 8, bits as u64 | (device as u64) << 8);
        self.untypeds += 1;
    }

    /// Writes the device tree into the extra boot information.
    pub fn write_device_tree(&mut self, m: &mut impl Memory, to: Range<u64>, dtb: PhysAddr, bytes: u64) {
        if to.is_empty() {
            return;
        }
        let length = HEADER_BYTES + bytes;
        m.store(to.start, 0, BootInfoId::Fdt as u64);
        m.store(to.start, 8, length);
        for offset in (0..bytes).step_by(8) {
            let mut word = m.load(dtb, offset);
            if bytes - offset < 8 {
                word &= (1 << (8 * (bytes - offset))) - 1;
            }
            m.store(to.start, HEADER_BYTES + offset, word);
        }
    }
}
