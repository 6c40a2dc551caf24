//! Physical memory, while the MMU is off.
//!
//! Which ranges may be read or written is decided by `loader::layout`; the functions here only do it.

use core::ops::Range;
use core::slice;
use loader::board::{RAM_BYTES, RAM_START};
use loader::device_tree;
use loader::payload::HEADER_BYTES;

unsafe extern "C" {
    static __loader_start: u8;
    static __payload_start: u8;
}

/// Where the loader begins.
pub fn loader_start() -> u64 {
    (&raw const __loader_start) as u64
}

/// Where the payload begins: the first page behind the loader.
pub fn payload_start() -> u64 {
    (&raw const __payload_start) as u64
}

/// The bytes of the payload's header, whatever they are.
pub fn payload_header() -> &'static [u8] {
    // SAFETY: the linker script ends the loader below `__payload_start`, in the first gigabyte of RAM, so this is RAM
    // that no Rust object occupies. Nothing writes it: `layout::plan` keeps every destination clear of the payload.
    unsafe { slice::from_raw_parts(&raw const __payload_start, HEADER_BYTES) }
}

/// The device tree that the machine left for us: at `hint` (x0 at entry, Linux's convention) or at the start of RAM
/// (QEMU's convention for images without a Linux header). The slice has the blob's full `totalsize`.
pub fn device_tree(hint: u64) -> Option<&'static [u8]> {
    [hint, RAM_START].into_iter().find_map(|at| {
        let in_ram = (RAM_START..RAM_START + RAM_BYTES - u64::from(device_tree::MAX_BYTES)).contains(&at);
        if !in_ram || !at.is_multiple_of(8) {
            return None;
        }
        // SAFETY: the address is in RAM, and not written before `copy` runs; the caller is done with the blob by then.
        let header = unsafe { slice::from_raw_parts(at as *const u8, device_tree::HEADER_BYTES) };
        let bytes = device_tree::total_bytes(header)?;
        // SAFETY: as above; at most `MAX_BYTES`, for which there is room below the end of RAM.
        Some(unsafe { slice::from_raw_parts(at as *const u8, bytes as usize) })
    })
}

/// Copies `bytes` from one physical address to another (ranges may overlap).
///
/// # Safety
/// The source lies in RAM; the destination lies in RAM, outside the loader and its payload, and no live reference
/// points into it.
pub unsafe fn copy(from: u64, to: u64, bytes: u64) {
    // SAFETY: by the caller's promise; with the MMU off every address in RAM can be read and written.
    unsafe { core::ptr::copy(from as *const u8, to as *mut u8, bytes as usize) };
}

/// Zeroes a physical range.
///
/// # Safety
/// As the destination of [`copy`].
pub unsafe fn zero(range: Range<u64>) {
    // SAFETY: by the caller's promise.
    unsafe {
        core::ptr::write_bytes(
            range.start as *mut u8,
            0,
            range.end.saturating_sub(range.start) as usize,
        )
    };
}

/// The device tree at its final place, to correct its length.
///
/// # Safety
/// `range` was just written by [`copy`] and nothing else refers to it.
pub unsafe fn device_tree_mut(range: &Range<u64>) -> &'static mut [u8] {
    // SAFETY: by the caller's promise.
    unsafe { slice::from_raw_parts_mut(range.start as *mut u8, (range.end - range.start) as usize) }
}
