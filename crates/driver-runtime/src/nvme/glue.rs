//! What a release asks of its surroundings, as macros: each release has types of its own under the same names.

/// Implements `DmaOp` of the `dma-api` that the calling crate depends on for a unit struct, `Window`, over [`dma`](crate::dma): pages of
/// the window, for queues and lists. The release's handle has the addresses that are named, and tells its memory by the method that is;
/// the items in braces are the rest of that version's trait. Nothing of what the release does not use is there: it maps no buffers.
#[macro_export]
macro_rules! nvme_window {
    (handle($($vaddr:ident),+), $memory:ident, { $($rest:item)* }) => {
        /// Pages of the window, for queues and lists.
        pub struct Window;

        // SAFETY (of what the trait asks): pages come from our heap, zeroed, aligned to pages, and belong to the release until it gives
        // them back; the device's address is that of the window, which it reaches. Device and processor see the same memory, so nothing
        // has to be done for one to see what the other wrote.
        impl dma_api::DmaOp for Window {
            fn page_size(&self) -> usize {
                $crate::nvme::PAGE
            }
            unsafe fn alloc_contiguous(
                &self,
                constraints: dma_api::DmaConstraints,
                layout: core::alloc::Layout,
            ) -> Option<dma_api::DmaAllocHandle> {
                if constraints.align.max(layout.align()) > $crate::nvme::PAGE {
                    return None;
                }
                let (io_addr, vaddr) = $crate::nvme::pages::alloc(layout.size().div_ceil($crate::nvme::PAGE))?;
                $(let $vaddr = vaddr;)+
                // SAFETY: the addresses are of the same pages, as many as the layout has bytes, and nobody else has them.
                Some(unsafe { dma_api::DmaAllocHandle::new($($vaddr,)+ io_addr.into(), layout) })
            }
            unsafe fn dealloc_contiguous(&self, handle: dma_api::DmaAllocHandle) {
                let pages = handle.size().div_ceil($crate::nvme::PAGE);
                // SAFETY: from `alloc_contiguous`, with the same number of pages; by the caller's word nobody uses them any more.
                unsafe { $crate::nvme::pages::free(handle.$memory(), pages) };
            }
            unsafe fn map_streaming(
                &self,
                _: dma_api::DmaConstraints,
                _: core::ptr::NonNull<u8>,
                _: core::num::NonZeroUsize,
                _: dma_api::DmaDirection,
            ) -> Result<dma_api::DmaMapHandle, dma_api::DmaError> {
                Err(dma_api::DmaError::NoMemory)
            }
            unsafe fn unmap_streaming(&self, _: dma_api::DmaMapHandle) {}
            $($rest)*
        }
    };
}

/// Makes `Registers`: the device's registers, for the `mmio-api` that the calling crate depends on.
#[macro_export]
macro_rules! nvme_registers {
    () => {
        /// The device's registers.
        pub struct Registers;

        impl mmio_api::MmioOp for Registers {
            fn ioremap(
                &self,
                addr: mmio_api::MmioAddr,
                size: usize,
            ) -> Result<mmio_api::MmioRaw, mmio_api::MapError> {
                let start = $crate::dma::registers(addr.as_usize() as u64, size as u64);
                // SAFETY: root mapped these registers there, for as long as this generation has the device.
                Ok(unsafe { mmio_api::MmioRaw::new(addr, start, size) })
            }
            fn iounmap(&self, _: &mmio_api::MmioRaw) {}
        }
    };
}

/// Makes `operation` and `status`: the class's operations and ends of requests, as the `rdif-block` that the calling crate depends on
/// has them.
#[macro_export]
macro_rules! nvme_requests {
    () => {
        /// What the release is to do; `None`: it cannot.
        fn operation(op: $crate::block::Op) -> Option<rdif_block::RequestOp> {
            use $crate::block::Op;

            match op {
                Op::Read => Some(rdif_block::RequestOp::Read),
                Op::Write => Some(rdif_block::RequestOp::Write),
                // What was answered before is durable when it is answered: the device need not be idle for it (NVMe 1.4, 6.8).
                Op::Flush => Some(rdif_block::RequestOp::Flush),
                Op::Discard | Op::WriteZeroes => None,
            }
        }

        /// How a request ended that the release says failed.
        fn status(error: rdif_block::BlkError) -> $crate::block::Status {
            use rdif_block::BlkError;
            use $crate::block::Status;

            match error {
                BlkError::NotSupported => Status::Unsupported,
                BlkError::InvalidBlockIndex(_) => Status::OutOfRange,
                BlkError::InvalidRequest => Status::Invalid,
                _ => Status::IoError,
            }
        }
    };
}
