//! The memory that the device reaches: one contiguous region, which is also the heap.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use system_spec::config::CommandConfig;
use talc::TalcCell;
use talc::source::Manual;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

struct Heap(TalcCell<Manual>);

// SAFETY: a protection domain has one thread and no handler that runs between its instructions: no two accesses overlap.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(TalcCell::new(Manual));

static VADDR: AtomicU64 = AtomicU64::new(0);
static PADDR: AtomicU64 = AtomicU64::new(0);
static LEN: AtomicU64 = AtomicU64::new(0);

// SAFETY: every method is the inner allocator's, which keeps the contract.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the inner allocator's condition.
        unsafe { self.0.alloc(layout) }
    }
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.0.dealloc(start, layout) }
    }
}

/// Learns where the memory is. Called once, before anything is allocated.
pub fn init(config: &CommandConfig) {
    VADDR.store(config.dma.vaddr, Relaxed);
    PADDR.store(config.dma_paddr, Relaxed);
    LEN.store(config.dma.len, Relaxed);
    let base = core::ptr::with_exposed_provenance_mut(config.dma.vaddr as usize);
    // SAFETY: the description's compiler mapped `len` bytes there, writable, for this program alone and for ever.
    let _ = unsafe { HEAP.0.claim(base, config.dma.len as usize) };
}

/// The address the device uses for what lies at `vaddr`; `None` outside the region.
fn io_addr(vaddr: u64, len: u64) -> Option<PhysAddr> {
    let offset = vaddr.checked_sub(VADDR.load(Relaxed))?;
    (offset.checked_add(len)? <= LEN.load(Relaxed)).then(|| PADDR.load(Relaxed) + offset)
}

fn layout(pages: usize) -> Option<Layout> {
    let size = pages.checked_mul(PAGE_SIZE).filter(|size| *size != 0)?;
    Layout::from_size_align(size, PAGE_SIZE).ok()
}

/// The memory, for the published driver.
#[derive(Debug)]
pub struct DmaMemory;

// SAFETY: pages come from the heap, page-aligned and zeroed, and belong to the caller until they are given back; the heap
// lies in the region whose device address is known.
unsafe impl Hal for DmaMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // Address 0 is the driver's word for "no memory".
        let nothing = (0, NonNull::dangling());
        let Some(layout) = layout(pages) else {
            return nothing;
        };
        // SAFETY: `layout` makes no layouts of size 0.
        let Some(vaddr) = NonNull::new(unsafe { HEAP.alloc_zeroed(layout) }) else {
            return nothing;
        };
        match io_addr(vaddr.as_ptr().addr() as u64, layout.size() as u64) {
            Some(io_addr) => (io_addr, vaddr),
            None => nothing,
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, vaddr: NonNull<u8>, pages: usize) -> i32 {
        if let Some(layout) = layout(pages) {
            // SAFETY: from `dma_alloc` with the same number of pages, by the driver's contract.
            unsafe { HEAP.dealloc(vaddr.as_ptr(), layout) };
        }
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("asked for by PCI only")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        io_addr(buffer.as_ptr().addr() as u64, buffer.len() as u64)
            .expect("only what lies on the heap is shared")
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
