//! Memory that the device reaches, and the addresses it uses.
//!
//! A driver's window and each data region are contiguous for the device, so an address is translated by one
//! subtraction, and nothing is ever copied. Whatever lies elsewhere the device cannot reach, and there is no address
//! for it. The functions are plain ones: each release of a published driver crate has its own trait for this, and the
//! glue implements it with them.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use driver_package::image::PAGE;
use driver_package::resources::{
    DATA_STRIDE, DATA_VADDR, MAX_DATA_REGIONS, MAX_MMIO, RESOURCES_VADDR, WINDOW_VADDR,
};

use crate::resources::Resources;

/// Where the first data region is in the table: each region is where its address divided by [`DATA_STRIDE`] says, the window first.
const DATA: usize = (DATA_VADDR / DATA_STRIDE) as usize;
const _: () = assert!(WINDOW_VADDR / DATA_STRIDE == 0 && RESOURCES_VADDR < DATA_STRIDE && DATA > 0);

/// One region; atomic only so that the table can be a static without `unsafe`. On the target these are plain accesses.
#[repr(align(32))] // So that its place is found by a shift.
struct Entry {
    start: AtomicU64,
    /// Behind the last byte; 0: no region.
    end: AtomicU64,
    /// What must be added to an address here for the device's.
    distance: AtomicU64,
}

impl Entry {
    const fn empty() -> Self {
        Self {
            start: AtomicU64::new(0),
            end: AtomicU64::new(0),
            distance: AtomicU64::new(0),
        }
    }

    fn set(&self, vaddr: u64, io_addr: u64, len: u64) {
        self.start.store(vaddr, Relaxed);
        self.end.store(vaddr + len, Relaxed);
        self.distance.store(io_addr.wrapping_sub(vaddr), Relaxed);
    }

    /// The address for the device of `len` bytes at `vaddr`, which are mapped. Between a multiple of [`DATA_STRIDE`] and its region
    /// nothing is, so bytes that end in the region begin in it.
    #[inline]
    fn io_addr(&self, vaddr: u64, len: u64) -> Option<u64> {
        let end = vaddr.checked_add(len)?;
        (end <= self.end.load(Relaxed)).then(|| vaddr.wrapping_add(self.distance.load(Relaxed)))
    }

    /// Where `len` bytes lie here that the device knows by this address.
    fn vaddr(&self, io_addr: u64, len: u64) -> Option<u64> {
        let (start, end) = (self.start.load(Relaxed), self.end.load(Relaxed));
        let distance = self.distance.load(Relaxed);
        let (offset, room) = (io_addr.wrapping_sub(start.wrapping_add(distance)), end - start);
        // An address before the region has a larger offset than any region is long.
        (len <= room && offset <= room - len).then(|| start + offset)
    }
}

static TABLE: [Entry; DATA + MAX_DATA_REGIONS] = [const { Entry::empty() }; DATA + MAX_DATA_REGIONS];
/// Register regions, by their place on the bus.
static REGISTERS: [Entry; MAX_MMIO] = [const { Entry::empty() }; MAX_MMIO];

/// Learns the regions. Before it nothing has a device address.
pub fn set_regions(resources: &Resources) {
    let window = resources.window();
    TABLE[0].set(window.vaddr, window.io_addr, window.len);
    for (entry, region) in TABLE[DATA..].iter().zip(resources.data()) {
        entry.set(region.vaddr, region.io_addr, region.len);
    }
    for (entry, region) in REGISTERS.iter().zip(resources.mmio()) {
        entry.set(region.vaddr, region.paddr, region.len);
    }
}

/// Where registers are that a release knows by their place on the bus. It knows no answer but one.
///
/// # Panics
/// The driver does not have them: a driver that goes wrong is cut.
pub fn registers(paddr: u64, len: u64) -> NonNull<u8> {
    let vaddr = REGISTERS.iter().find_map(|entry| entry.vaddr(paddr, len));
    let start = vaddr.map(|vaddr| core::ptr::with_exposed_provenance_mut(vaddr as usize));
    start
        .and_then(NonNull::new)
        .expect("only regions of the device are asked for")
}

/// The address the device uses for `buffer`, if the whole of it lies in one region.
#[inline]
pub fn io_addr(buffer: NonNull<[u8]>) -> Option<u64> {
    let vaddr = buffer.as_ptr().addr() as u64;
    if cfg!(feature = "host") {
        // The disk of the host's asks for no memory: an address is its own there.
        return Some(vaddr);
    }
    // An address behind the table meets another's entry, which ends before it.
    let entry = &TABLE[(vaddr / DATA_STRIDE) as usize % TABLE.len()];
    entry.io_addr(vaddr, buffer.len() as u64)
}

/// The address the device uses for `buffer`, for a release that knows no answer but one.
///
/// # Panics
/// The device does not reach it: a driver that goes wrong is cut.
pub fn device_reaches(buffer: NonNull<[u8]>) -> u64 {
    io_addr(buffer).expect("only window and data regions are shared")
}

/// Where the byte lies here that the device knows as `io_addr`: in the first region that has it, the window before all others.
pub fn vaddr_of(io_addr: u64) -> Option<NonNull<u8>> {
    let vaddr = if cfg!(feature = "host") {
        io_addr
    } else {
        TABLE.iter().find_map(|entry| entry.vaddr(io_addr, 1))?
    };
    NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr as usize))
}

/// Zeroed pages from the heap: their address for the device, and here. `None`: no memory, or the heap is not in the window.
pub fn alloc_pages(pages: usize) -> Option<(u64, NonNull<u8>)> {
    let layout = layout(pages)?;
    // SAFETY: `layout` does not return layouts of size 0.
    let vaddr = NonNull::new(unsafe { alloc_zeroed(layout) })?;
    match io_addr(NonNull::slice_from_raw_parts(vaddr, layout.size())) {
        Some(io_addr) => Some((io_addr, vaddr)),
        None => {
            // SAFETY: allocated just above with this layout, and not given to anybody.
            unsafe { dealloc(vaddr.as_ptr(), layout) };
            None
        }
    }
}

/// Gives pages back.
///
/// # Safety
/// `vaddr` is from [`alloc_pages`] with the same `pages`, was not given back yet, and neither driver nor device use it any more.
pub unsafe fn free_pages(vaddr: NonNull<u8>, pages: usize) {
    if let Some(layout) = layout(pages) {
        // SAFETY: `alloc_pages` used the same layout, by the caller's word for the same allocation.
        unsafe { dealloc(vaddr.as_ptr(), layout) };
    }
}

/// The layout of `pages` pages; none of zero pages.
fn layout(pages: usize) -> Option<Layout> {
    let size = pages.checked_mul(PAGE as usize).filter(|size| *size != 0)?;
    Layout::from_size_align(size, PAGE as usize).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Entry {
        let entry = Entry::empty();
        entry.set(0x1000, 0x9000, 0x800);
        entry
    }

    #[test]
    fn only_what_ends_in_a_region_has_an_address() {
        let region = region();
        assert_eq!(region.io_addr(0x1000, 0x800), Some(0x9000));
        assert_eq!(region.io_addr(0x17ff, 1), Some(0x97ff));
        assert_eq!(region.io_addr(0x1001, 0x800), None);
        assert_eq!(region.io_addr(0x1800, 1), None);
        assert_eq!(region.io_addr(0x1000 + (1 << 40), 1), None);
        assert_eq!(region.io_addr(u64::MAX, 0x10), None);
        assert_eq!(Entry::empty().io_addr(0x1000, 1), None);
    }

    #[test]
    fn only_what_lies_wholly_in_a_region_is_known_to_the_device() {
        let region = region();
        assert_eq!(region.vaddr(0x9000, 0x800), Some(0x1000));
        assert_eq!(region.vaddr(0x97ff, 1), Some(0x17ff));
        assert_eq!(region.vaddr(0x8fff, 1), None);
        assert_eq!(region.vaddr(0x9001, 0x800), None);
        assert_eq!(region.vaddr(0x9800, 1), None);
        assert_eq!(region.vaddr(u64::MAX, u64::MAX), None);
        assert_eq!(Entry::empty().vaddr(0, 1), None);
    }

    #[test]
    fn no_pages_are_no_allocation() {
        assert_eq!(layout(0), None);
        assert_eq!(layout(usize::MAX), None);
        assert_eq!(
            layout(2).map(|layout| (layout.size(), layout.align())),
            Some((8192, 4096))
        );
    }
}
