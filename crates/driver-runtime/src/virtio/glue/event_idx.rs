//! A transport for releases that accept `F_EVENT_IDX` and do not keep its rules.

/// Wraps the `MmioTransport` of a release so that the release is not offered `F_EVENT_IDX` (virtio 1.2, 2.7.10): makes
/// `WithoutEventIdx`, a transport that is opened as the release's own.
///
/// Such a release never writes `used_event`. The device then interrupts for the first completion, and not again until its index has
/// gone round: once in 65,536 requests.
#[macro_export]
macro_rules! virtio_without_event_idx {
    ($transport:ty) => {
        /// The release's transport; the device seems to offer no `F_EVENT_IDX`.
        #[derive(Debug)]
        pub struct WithoutEventIdx($transport);

        impl WithoutEventIdx {
            /// virtio 1.2, 6: `VIRTIO_F_EVENT_IDX`.
            const EVENT_IDX: u64 = 1 << 29;

            /// As the release's transport.
            ///
            /// # Safety
            /// As for the release's transport: the registers are a device's, and stay.
            unsafe fn new(
                header: core::ptr::NonNull<virtio_drivers::transport::mmio::VirtIOHeader>,
            ) -> Result<Self, virtio_drivers::transport::mmio::MmioError> {
                // SAFETY: the caller's promise is the release's condition.
                unsafe { <$transport>::new(header) }.map(Self)
            }
        }

        impl virtio_drivers::transport::Transport for WithoutEventIdx {
            fn device_type(&self) -> virtio_drivers::transport::DeviceType {
                self.0.device_type()
            }
            fn read_device_features(&mut self) -> u64 {
                self.0.read_device_features() & !Self::EVENT_IDX
            }
            fn write_driver_features(&mut self, features: u64) {
                self.0.write_driver_features(features);
            }
            fn max_queue_size(&mut self, queue: u16) -> u32 {
                self.0.max_queue_size(queue)
            }
            fn notify(&mut self, queue: u16) {
                self.0.notify(queue);
            }
            fn get_status(&self) -> virtio_drivers::transport::DeviceStatus {
                self.0.get_status()
            }
            fn set_status(&mut self, status: virtio_drivers::transport::DeviceStatus) {
                self.0.set_status(status);
            }
            fn set_guest_page_size(&mut self, size: u32) {
                self.0.set_guest_page_size(size);
            }
            fn requires_legacy_layout(&self) -> bool {
                self.0.requires_legacy_layout()
            }
            fn queue_set(
                &mut self,
                queue: u16,
                size: u32,
                descriptors: virtio_drivers::PhysAddr,
                driver_area: virtio_drivers::PhysAddr,
                device_area: virtio_drivers::PhysAddr,
            ) {
                self.0
                    .queue_set(queue, size, descriptors, driver_area, device_area);
            }
            fn queue_unset(&mut self, queue: u16) {
                self.0.queue_unset(queue);
            }
            fn queue_used(&mut self, queue: u16) -> bool {
                self.0.queue_used(queue)
            }
            fn ack_interrupt(&mut self) -> bool {
                self.0.ack_interrupt()
            }
            fn config_space<T: 'static>(&self) -> virtio_drivers::Result<core::ptr::NonNull<T>> {
                self.0.config_space()
            }
        }
    };
}
