//! The glue of one release, as a macro: each release has types of its own under the same names, and no function can be
//! generic over a crate.

/// Wraps the `virtio-drivers` that the calling crate depends on. The release's `MmioTransport::new` wants to know
/// where the registers are, and in some releases how many bytes they have:
///
/// ```ignore
/// driver_runtime::virtio_blk!(MmioTransport<'static>, |registers, len| new(registers, len));
/// ```
///
/// makes `Disk`, a [`QueuedDisk`](crate::virtio::QueuedDisk), and `Driver`, the driver of the block class over it.
#[macro_export]
macro_rules! virtio_blk {
    ($transport:ty, |$registers:ident, $len:ident| new($($argument:ident),*)) => {
        /// Memory and addresses for the release, from its window.
        #[derive(Debug)]
        pub struct WindowHal;

        // SAFETY: pages come from our heap, page-aligned and zeroed, and belong to the caller until they are given back;
        // device addresses are those of the window and the data regions, which the device reaches.
        unsafe impl virtio_drivers::Hal for WindowHal {
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
            unsafe fn dma_dealloc(
                _: virtio_drivers::PhysAddr,
                vaddr: core::ptr::NonNull<u8>,
                pages: usize,
            ) -> i32 {
                // SAFETY: the release gives back what `dma_alloc` gave it, once, when the device is done with it.
                unsafe { $crate::dma::free_pages(vaddr, pages) };
                0
            }
            unsafe fn mmio_phys_to_virt(_: virtio_drivers::PhysAddr, _: usize) -> core::ptr::NonNull<u8> {
                unreachable!("asked for by PCI only")
            }
            unsafe fn share(
                buffer: core::ptr::NonNull<[u8]>,
                _: virtio_drivers::BufferDirection,
            ) -> virtio_drivers::PhysAddr {
                let io_addr = $crate::dma::io_addr(buffer).expect("only window and data regions are shared");
                io_addr as virtio_drivers::PhysAddr
            }
            unsafe fn unshare(
                _: virtio_drivers::PhysAddr,
                _: core::ptr::NonNull<[u8]>,
                _: virtio_drivers::BufferDirection,
            ) {
            }
        }

        /// The published driver.
        pub struct Disk(virtio_drivers::device::blk::VirtIOBlk<WindowHal, $transport>);

        /// The published driver as a driver of the block class.
        pub type Driver = $crate::virtio::QueuedBlock<Disk>;

        fn begun(
            result: virtio_drivers::Result<u16>,
        ) -> Result<Result<u16, $crate::virtio::QueueFull>, $crate::block::Status> {
            match result {
                Ok(token) => Ok(Ok(token)),
                Err(virtio_drivers::Error::QueueFull) => Ok(Err($crate::virtio::QueueFull)),
                Err(_) => Err($crate::block::Status::IoError),
            }
        }

        fn ended(result: virtio_drivers::Result<()>) -> $crate::block::Status {
            match result {
                Ok(()) => $crate::block::Status::Ok,
                Err(virtio_drivers::Error::Unsupported) => $crate::block::Status::Unsupported,
                Err(_) => $crate::block::Status::IoError,
            }
        }

        impl $crate::virtio::QueuedDisk for Disk {
            type Header = virtio_drivers::device::blk::BlkReq;
            type Answer = virtio_drivers::device::blk::BlkResp;

            fn open(
                resources: &$crate::resources::Resources,
            ) -> Result<(Self, $crate::virtio::DiskFacts), $crate::ProbeError> {
                use $crate::ProbeError;
                use $crate::virtio::{CONFIG_BLK_SIZE, CONFIG_SIZE_MAX, DiskFacts, F_BLK_SIZE, F_SIZE_MAX};
                use virtio_drivers::transport::{DeviceType, Transport};

                let region = $crate::virtio::registers(resources)?;
                let $registers = core::ptr::NonNull::new(core::ptr::with_exposed_provenance_mut(region.vaddr as usize))
                    .ok_or(ProbeError::NoRegisters)?;
                let $len = region.len as usize;
                // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are
                // aligned and as long as the resources say, which were checked.
                let mut transport = unsafe { <$transport>::new($($argument),*) }
                    .map_err(|_| ProbeError::WrongDevice)?;
                if transport.device_type() != DeviceType::Block {
                    return Err(ProbeError::WrongDevice);
                }
                let features = transport.read_device_features();
                let config = |offered, offset| {
                    if features & offered == 0 { Ok(0) } else { transport.read_config_space::<u32>(offset) }
                };
                let blk_size = config(F_BLK_SIZE, CONFIG_BLK_SIZE).map_err(|_| ProbeError::Device)?;
                let size_max = config(F_SIZE_MAX, CONFIG_SIZE_MAX).map_err(|_| ProbeError::Device)?;
                let disk = virtio_drivers::device::blk::VirtIOBlk::new(transport).map_err(|error| match error {
                    virtio_drivers::Error::DmaError => ProbeError::NoMemory,
                    _ => ProbeError::Device,
                })?;
                Ok((Self(disk), DiskFacts { features, blk_size, size_max }))
            }

            fn sectors(&self) -> u64 {
                self.0.capacity()
            }

            unsafe fn read(
                &mut self,
                sector: usize,
                header: &mut Self::Header,
                mut data: core::ptr::NonNull<[u8]>,
                answer: &mut Self::Answer,
            ) -> Result<Result<u16, $crate::virtio::QueueFull>, $crate::block::Status> {
                // SAFETY: the caller's promise is the release's condition. The bytes are shared with their owner, but the
                // release only takes their address.
                begun(unsafe { self.0.read_blocks_nb(sector, header, data.as_mut(), answer) })
            }

            unsafe fn write(
                &mut self,
                sector: usize,
                header: &mut Self::Header,
                data: core::ptr::NonNull<[u8]>,
                answer: &mut Self::Answer,
            ) -> Result<Result<u16, $crate::virtio::QueueFull>, $crate::block::Status> {
                // SAFETY: as in `read`.
                begun(unsafe { self.0.write_blocks_nb(sector, header, data.as_ref(), answer) })
            }

            fn peek_used(&mut self) -> Option<u16> {
                self.0.peek_used()
            }

            unsafe fn complete_read(
                &mut self,
                token: u16,
                header: &Self::Header,
                mut data: core::ptr::NonNull<[u8]>,
                answer: &mut Self::Answer,
            ) -> $crate::block::Status {
                // SAFETY: the caller's promise is the release's condition.
                ended(unsafe { self.0.complete_read_blocks(token, header, data.as_mut(), answer) })
            }

            unsafe fn complete_write(
                &mut self,
                token: u16,
                header: &Self::Header,
                data: core::ptr::NonNull<[u8]>,
                answer: &mut Self::Answer,
            ) -> $crate::block::Status {
                // SAFETY: as in `complete_read`.
                ended(unsafe { self.0.complete_write_blocks(token, header, data.as_ref(), answer) })
            }

            fn flush(&mut self) -> $crate::block::Status {
                ended(self.0.flush())
            }

            fn acknowledge(&mut self) {
                let _ = self.0.ack_interrupt();
            }
        }
    };
}
