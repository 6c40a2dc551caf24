//! The glue of a release that has raw queues for network devices: since 0.7.5.

/// Wraps the `virtio-drivers` that the calling crate depends on. The arguments are those of [`virtio_blk!`](crate::virtio_blk), and
/// a release without `pci` has its step too, `0.7`:
///
/// ```ignore
/// driver_runtime::virtio_net!(pci 0.12 MmioTransport<'static>, |registers, len| new(registers, len));
/// ```
///
/// makes `Card`, a [`RawNet`](crate::virtio::RawNet), and `Driver`, the driver of the network class over it.
#[macro_export]
macro_rules! virtio_net {
    (pci $($transport:tt)*) => {
        $crate::virtio_net!($($transport)*);
    };
    () => {
        $crate::virtio_hal!(unsafe);

        /// The published driver.
        pub struct Card(
            virtio_drivers::device::net::VirtIONetRaw<WindowHal, Reached, { $crate::virtio::NET_DEPTH }>,
        );

        /// The published driver as a driver of the network class.
        pub type Driver = $crate::virtio::VirtioNet<Card>;

        fn begun(result: virtio_drivers::Result<u16>) -> Result<Option<u16>, $crate::net::Status> {
            match result {
                Ok(token) => Ok(Some(token)),
                Err(virtio_drivers::Error::QueueFull) => Ok(None),
                Err(_) => Err($crate::net::Status::IoError),
            }
        }

        impl $crate::virtio::RawNet for Card {
            fn open(
                resources: &$crate::resources::Resources,
            ) -> Result<(Self, $crate::virtio::NetFacts), $crate::ProbeError> {
                use $crate::ProbeError;

                let (transport, facts) = reach(resources)?;
                let net = virtio_drivers::device::net::VirtIONetRaw::new(transport).map_err(|error| match error {
                    virtio_drivers::Error::DmaError => ProbeError::NoMemory,
                    _ => ProbeError::Device,
                })?;
                Ok((Self(net), facts))
            }

            fn mac(&self) -> [u8; 6] {
                self.0.mac_address()
            }

            fn header(&self, bytes: &mut [u8; $crate::net::HEADROOM as usize]) -> Option<usize> {
                self.0.fill_buffer_header(bytes).ok()
            }

            unsafe fn transmit_begin(
                &mut self,
                data: core::ptr::NonNull<[u8]>,
            ) -> Result<Option<u16>, $crate::net::Status> {
                // SAFETY: the caller's promise is the release's condition. The bytes are shared with their owner, but the
                // release only takes their address.
                begun(unsafe { self.0.transmit_begin(data.as_ref()) })
            }

            fn poll_transmit(&mut self) -> Option<u16> {
                self.0.poll_transmit()
            }

            unsafe fn transmit_complete(
                &mut self,
                token: u16,
                data: core::ptr::NonNull<[u8]>,
            ) -> $crate::net::Status {
                // SAFETY: the caller's promise is the release's condition.
                match unsafe { self.0.transmit_complete(token, data.as_ref()) } {
                    Ok(_) => $crate::net::Status::Ok,
                    Err(_) => $crate::net::Status::IoError,
                }
            }

            unsafe fn receive_begin(
                &mut self,
                mut data: core::ptr::NonNull<[u8]>,
            ) -> Result<Option<u16>, $crate::net::Status> {
                // SAFETY: as in `transmit_begin`.
                begun(unsafe { self.0.receive_begin(data.as_mut()) })
            }

            fn poll_receive(&mut self) -> Option<u16> {
                self.0.poll_receive()
            }

            unsafe fn receive_complete(
                &mut self,
                token: u16,
                mut data: core::ptr::NonNull<[u8]>,
            ) -> Result<(usize, usize), $crate::net::Status> {
                // SAFETY: the caller's promise is the release's condition.
                unsafe { self.0.receive_complete(token, data.as_mut()) }.map_err(|_| $crate::net::Status::IoError)
            }

            fn acknowledge(&mut self) {
                let _ = self.0.ack_interrupt();
            }
        }
    };
    ($($transport:tt)+) => {
        $crate::virtio_transport!($($transport)+);
        $crate::virtio_net!();
    };
}
