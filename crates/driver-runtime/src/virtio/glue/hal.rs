//! Memory and addresses for a release.

/// Makes `WindowHal`: the trait `Hal` of the `virtio-drivers` that the calling crate depends on, over [`dma`](crate::dma).
/// The word names the step in that trait's history:
///
/// | | releases | |
/// |---|---|---|
/// | `translated` | 0.1 | pages by their device address; any address can be translated |
/// | `shared` | 0.2 | buffers are shared |
/// | (none) | 0.3 | pages by both addresses |
/// | `unsafe` | since 0.4 | the same, and the trait is unsafe |
#[macro_export]
macro_rules! virtio_hal {
    (translated) => {
        $crate::virtio_hal!(by_address {
            fn virt_to_phys(vaddr: usize) -> usize {
                let byte = core::ptr::with_exposed_provenance_mut::<u8>(vaddr);
                let byte = core::ptr::NonNull::new(core::ptr::slice_from_raw_parts_mut(byte, 1));
                $crate::dma::device_reaches(byte.expect("the release translates no null")) as usize
            }
        });
    };
    (shared) => {
        $crate::virtio_hal!(by_address {
            fn share(buffer: core::ptr::NonNull<[u8]>, _: virtio_drivers::BufferDirection) -> usize {
                $crate::dma::device_reaches(buffer) as usize
            }
            fn unshare(_: usize, _: core::ptr::NonNull<[u8]>, _: virtio_drivers::BufferDirection) {}
        });
    };
    (by_address { $($rest:item)* }) => {
        /// Memory and addresses for the release, from its window.
        #[derive(Debug)]
        pub struct WindowHal;

        impl virtio_drivers::Hal for WindowHal {
            fn dma_alloc(pages: usize) -> usize {
                // Address 0 is the release's word for "no memory".
                $crate::dma::alloc_pages(pages).map_or(0, |(io_addr, _)| io_addr as usize)
            }
            fn dma_dealloc(io_addr: usize, pages: usize) -> i32 {
                let Some(vaddr) = $crate::dma::vaddr_of(io_addr as u64) else { return -1 };
                // SAFETY: the release gives back what `dma_alloc` gave it, once, when the device is done with it.
                unsafe { $crate::dma::free_pages(vaddr, pages) };
                0
            }
            fn phys_to_virt(io_addr: usize) -> usize {
                $crate::dma::vaddr_of(io_addr as u64).map_or(0, |vaddr| vaddr.as_ptr() as usize)
            }
            $($rest)*
        }
    };
    ($($unsafe:tt)?) => {
        /// Memory and addresses for the release, from its window.
        #[derive(Debug)]
        pub struct WindowHal;

        // SAFETY: pages come from our heap, page-aligned and zeroed, and belong to the caller until they are given back;
        // device addresses are those of the window and the data regions, which the device reaches.
        $($unsafe)? impl virtio_drivers::Hal for WindowHal {
            fn dma_alloc(
                pages: usize,
                _: virtio_drivers::BufferDirection,
            ) -> (virtio_drivers::PhysAddr, core::ptr::NonNull<u8>) {
                match $crate::dma::alloc_pages(pages) {
                    Some((io_addr, vaddr)) => (io_addr as virtio_drivers::PhysAddr, vaddr),
                    // Address 0 is the release's word for "no memory".
                    None => (0, core::ptr::NonNull::dangling()),
                }
            }
            $($unsafe)? fn dma_dealloc(
                _: virtio_drivers::PhysAddr,
                vaddr: core::ptr::NonNull<u8>,
                pages: usize,
            ) -> i32 {
                // SAFETY: the release gives back what `dma_alloc` gave it, once, when the device is done with it.
                unsafe { $crate::dma::free_pages(vaddr, pages) };
                0
            }
            $($unsafe)? fn mmio_phys_to_virt(
                io_addr: virtio_drivers::PhysAddr,
                len: usize,
            ) -> core::ptr::NonNull<u8> {
                $crate::dma::registers(io_addr as u64, len as u64)
            }
            $($unsafe)? fn share(
                buffer: core::ptr::NonNull<[u8]>,
                _: virtio_drivers::BufferDirection,
            ) -> virtio_drivers::PhysAddr {
                $crate::dma::device_reaches(buffer) as virtio_drivers::PhysAddr
            }
            $($unsafe)? fn unshare(
                _: virtio_drivers::PhysAddr,
                _: core::ptr::NonNull<[u8]>,
                _: virtio_drivers::BufferDirection,
            ) {
            }
        }
    };
}
