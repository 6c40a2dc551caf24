//! The glue of a release before 0.6: a sector at a time.

/// Wraps the `virtio-drivers` that the calling crate depends on, older than 0.6, whose driver and transport have these
/// names, and whose trait `Hal` is the one of [`virtio_hal!`](crate::virtio_hal) that the last argument names:
///
/// ```ignore
/// driver_runtime::virtio_sector_blk!(virtio_drivers::VirtIOBlk, virtio_drivers::MmioTransport, translated);
/// ```
///
/// makes `Disk`, a [`SectorDisk`](crate::virtio::SectorDisk), and `Driver`, the driver of the block class over it.
#[macro_export]
macro_rules! virtio_sector_blk {
    ($($disk:ident)::+, $transport:ty, $($hal:tt)?) => {
        $crate::virtio_hal!($($hal)?);

        /// The published driver.
        pub struct Disk($($disk)::+<WindowHal, $transport>);

        /// The published driver as a driver of the block class.
        pub type Driver = $crate::virtio::SectorBlock<Disk>;

        fn ended(result: virtio_drivers::Result<()>) -> $crate::block::Status {
            match result {
                Ok(()) => $crate::block::Status::Ok,
                Err(_) => $crate::block::Status::IoError,
            }
        }

        impl $crate::virtio::SectorDisk for Disk {
            fn open(
                resources: &$crate::resources::Resources,
            ) -> Result<(Self, $crate::virtio::DiskFacts), $crate::ProbeError> {
                use $crate::ProbeError;

                let (registers, _, facts) = $crate::virtio::open(resources)?;
                // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are
                // aligned and long enough for a disk.
                let transport =
                    unsafe { <$transport>::new(registers) }.map_err(|_| ProbeError::WrongDevice)?;
                let disk = $($disk)::+::new(transport).map_err(|error| match error {
                    virtio_drivers::Error::DmaError => ProbeError::NoMemory,
                    _ => ProbeError::Device,
                })?;
                Ok((Self(disk), facts))
            }

            unsafe fn read(
                &mut self,
                sector: usize,
                mut data: core::ptr::NonNull<[u8]>,
            ) -> $crate::block::Status {
                // SAFETY: the caller vouches for the data. Their owner may read and write them too, but the release only takes
                // their address.
                ended(self.0.read_block(sector, unsafe { data.as_mut() }))
            }

            unsafe fn write(
                &mut self,
                sector: usize,
                data: core::ptr::NonNull<[u8]>,
            ) -> $crate::block::Status {
                // SAFETY: as in `read`.
                ended(self.0.write_block(sector, unsafe { data.as_ref() }))
            }

            fn acknowledge(&mut self) {
                let _ = self.0.ack_interrupt();
            }
        }
    };
}
