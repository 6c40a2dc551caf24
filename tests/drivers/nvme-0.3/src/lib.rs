//! Release 0.3.1 of `nvme-driver`, unchanged, as the published bad example that it is: it enables the controller for administration only
//! (CC.CSS), which QEMU's controller does not support, and waits for it without end.
//!
//! A controller that came up all the same would be no better off: the release asks for one block more than it has memory for
//! (`docs/design/030-nvme.md`). So nothing is ever served by it.
#![no_std]

extern crate alloc;

use core::alloc::Layout;
use core::ptr::NonNull;

use dma_api::Direction;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Request, Status, Submit};
use driver_runtime::resources::Resources;
use driver_runtime::{ProbeError, dma, nvme};
use nvme_driver::{Config, Nvme};

/// Memory for the release, from the heap.
struct Window;

impl dma_api::Impl for Window {
    fn map(addr: NonNull<u8>, size: usize, _: Direction) -> u64 {
        dma::device_reaches(NonNull::slice_from_raw_parts(addr, size))
    }
    fn unmap(_: NonNull<u8>, _: usize) {}
    // Device and processor see the same memory.
    fn flush(_: NonNull<u8>, _: usize) {}
    fn invalidate(_: NonNull<u8>, _: usize) {}
    unsafe fn alloc(layout: Layout) -> *mut u8 {
        // SAFETY: the caller's word: the layout is not empty.
        unsafe { alloc::alloc::alloc(layout) }
    }
    unsafe fn dealloc(ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's word: from `alloc`, with the same layout.
        unsafe { alloc::alloc::dealloc(ptr, layout) };
    }
}

dma_api::set_impl!(Window);

/// The published driver, as far as it gets.
pub struct Driver;

impl BlockDriver for Driver {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let registers = nvme::registers(resources)?;
        let config = Config {
            page_size: nvme::PAGE,
            io_queue_pair_count: 1,
        };
        let _ = Nvme::new(dma::registers(registers.paddr, registers.len), config);
        Err(ProbeError::Device)
    }
    fn capabilities(&self) -> BlockCapabilities {
        BlockCapabilities {
            capacity: 0,
            block_size: 512,
            flags: 0,
            max_transfer: 0,
            queue_depth: 0,
        }
    }
    fn submit(&mut self, _: &Request) -> Submit {
        Submit::Done(Status::IoError)
    }
    fn poll(&mut self, _: impl FnMut(Completion)) {}
    fn handle_interrupt(&mut self) {}
}
