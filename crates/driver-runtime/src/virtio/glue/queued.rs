//! The glue of a release since 0.6: transfers of any length, many at a time.

/// Wraps the `virtio-drivers` that the calling crate depends on, 0.6 or later. The release's `MmioTransport::new` wants to know
/// where the registers are, and in some releases how many bytes they have:
///
/// ```ignore
/// driver_runtime::virtio_blk!(pci 0.12 MmioTransport<'static>, |registers, len| new(registers, len));
/// ```
///
/// (the first words, the second of them as in [`virtio_transport!`](crate::virtio_transport), are left out for a release without PCI)
/// makes `Disk`, a [`QueuedDisk`](crate::virtio::QueuedDisk), and `Driver`, the driver of the block class over it.
#[macro_export]
macro_rules! virtio_blk {
    (pci $($transport:tt)*) => {
        $crate::virtio_transport!($($transport)*);
        $crate::virtio_blk!();
    };
    ($transport:ty, $($open:tt)*) => {
        $crate::virtio_transport!(registers $transport, $($open)*);
        $crate::virtio_blk!();
    };
    () => {
        $crate::virtio_hal!(unsafe);

        /// The published driver.
        pub struct Disk(virtio_drivers::device::blk::VirtIOBlk<WindowHal, Reached>);

        /// The published driver as a driver of the block class.
        pub type Driver = $crate::virtio::QueuedBlock<Disk>;

        fn begun(result: virtio_drivers::Result<u16>) -> Result<u16, $crate::virtio::Refused> {
            use $crate::virtio::Refused;

            result.map_err(|error| match error {
                virtio_drivers::Error::QueueFull => Refused::QueueFull,
                _ => Refused::Failed($crate::block::Status::IoError),
            })
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

                let (transport, facts) = reach(resources)?;
                let disk = virtio_drivers::device::blk::VirtIOBlk::new(transport).map_err(|error| match error {
                    virtio_drivers::Error::DmaError => ProbeError::NoMemory,
                    _ => ProbeError::Device,
                })?;
                Ok((Self(disk), facts))
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
            ) -> Result<u16, $crate::virtio::Refused> {
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
            ) -> Result<u16, $crate::virtio::Refused> {
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
