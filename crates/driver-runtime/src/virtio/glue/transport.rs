//! How a release reaches its device: by its transport for registers, or by its transport for PCI.

/// Makes `Reached`, a transport of the `virtio-drivers` that the calling crate depends on, and `reach`, which makes one for the
/// device at hand. The first word names the step in the trait's history:
///
/// | | releases | |
/// |---|---|---|
/// | `registers` | any | no PCI, or one that insists on real configuration space: registers only |
/// | `0.7` | 0.7 | the same, for devices with more than one queue |
/// | `0.8` | 0.8 | configuration space by a trait |
/// | `0.9` | 0.9 | a generation of the device's configuration |
/// | `0.10` | 0.10, 0.11 | what is read is of a narrower kind |
/// | `0.12` | since 0.12 | interrupts have a status |
///
/// The release's own transports do the work. What is added is what no release does: a queue's interrupt vector, and to accept that the
/// device's accesses are translated.
#[macro_export]
macro_rules! virtio_transport {
    (registers $registers_transport:ty, |$registers:ident, $len:ident| new($($argument:ident),*)) => {
        type Reached = $registers_transport;

        fn reach<F: $crate::virtio::Facts>(
            resources: &$crate::resources::Resources,
        ) -> Result<(Reached, F), $crate::ProbeError> {
            let ($registers, $len, facts) = $crate::virtio::open(resources)?;
            // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are
            // aligned and as long as `open` says.
            let transport = unsafe { <$registers_transport>::new($($argument),*) };
            Ok((transport.map_err(|_| $crate::ProbeError::WrongDevice)?, facts))
        }
    };
    (0.7 $transport:ty, |$registers:ident, $len:ident| new($($argument:ident),*)) => {
        use virtio_drivers::transport::{DeviceStatus, DeviceType, Transport};

        /// The release's transport to the device at hand.
        pub struct Reached($transport);

        impl Transport for Reached {
            fn device_type(&self) -> DeviceType {
                self.0.device_type()
            }
            fn read_device_features(&mut self) -> u64 {
                self.0.read_device_features()
            }
            fn write_driver_features(&mut self, features: u64) {
                self.0.write_driver_features(features);
            }
            fn max_queue_size(&mut self, queue: u16) -> u32 {
                self.0.max_queue_size(queue)
            }
            #[inline]
            fn notify(&mut self, queue: u16) {
                self.0.notify(queue);
            }
            fn get_status(&self) -> DeviceStatus {
                self.0.get_status()
            }
            fn set_status(&mut self, status: DeviceStatus) {
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
                self.0.queue_set(queue, size, descriptors, driver_area, device_area);
            }
            fn queue_unset(&mut self, queue: u16) {
                self.0.queue_unset(queue);
            }
            fn queue_used(&mut self, queue: u16) -> bool {
                $crate::virtio::is_used(self.0.queue_used(queue))
            }
            #[inline]
            fn ack_interrupt(&mut self) -> bool {
                self.0.ack_interrupt()
            }
            fn config_space<T: 'static>(&self) -> virtio_drivers::Result<core::ptr::NonNull<T>> {
                self.0.config_space()
            }
        }

        fn reach<F: $crate::virtio::Facts>(
            resources: &$crate::resources::Resources,
        ) -> Result<(Reached, F), $crate::ProbeError> {
            let ($registers, $len, facts) = $crate::virtio::open(resources)?;
            // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are
            // aligned and as long as `open` says.
            let transport = unsafe { <$transport>::new($($argument),*) };
            Ok((Reached(transport.map_err(|_| $crate::ProbeError::WrongDevice)?), facts))
        }
    };
    (0.8 $transport:ty, $($open:tt)*) => {
        $crate::virtio_transport!(both $transport, bool, {
            fn read_config_space<T: $crate::zerocopy::FromBytes>(
                &self,
                offset: usize,
            ) -> virtio_drivers::Result<T> {
                each!(self, transport => transport.read_config_space(offset))
            }
            fn write_config_space<T: $crate::zerocopy::IntoBytes>(
                &mut self,
                offset: usize,
                value: T,
            ) -> virtio_drivers::Result<()> {
                each!(self, transport => transport.write_config_space(offset, value))
            }
        }, $($open)*);
    };
    (0.9 $transport:ty, $($open:tt)*) => {
        $crate::virtio_transport!(generations $transport, bool, ($crate::zerocopy::FromBytes), $($open)*);
    };
    (0.10 $transport:ty, $($open:tt)*) => {
        $crate::virtio_transport!(
            generations $transport, bool, ($crate::zerocopy::FromBytes + $crate::zerocopy::IntoBytes), $($open)*
        );
    };
    (0.12 $transport:ty, $($open:tt)*) => {
        $crate::virtio_transport!(
            generations $transport, virtio_drivers::transport::InterruptStatus,
            ($crate::zerocopy::FromBytes + $crate::zerocopy::IntoBytes), $($open)*
        );
    };
    (generations $transport:ty, $interrupt:ty, ($($read:tt)*), $($open:tt)*) => {
        $crate::virtio_transport!(both $transport, $interrupt, {
            fn read_config_generation(&self) -> u32 {
                each!(self, transport => transport.read_config_generation())
            }
            fn read_config_space<T: $($read)*>(&self, offset: usize) -> virtio_drivers::Result<T> {
                each!(self, transport => transport.read_config_space(offset))
            }
            fn write_config_space<T: $crate::zerocopy::IntoBytes + $crate::zerocopy::Immutable>(
                &mut self,
                offset: usize,
                value: T,
            ) -> virtio_drivers::Result<()> {
                each!(self, transport => transport.write_config_space(offset, value))
            }
        }, $($open)*);
    };
    (both $transport:ty, $interrupt:ty, { $($config:tt)* }, |$registers:ident, $len:ident| new($($argument:ident),*)) => {
        use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction, PciRoot};
        use virtio_drivers::transport::pci::PciTransport;
        use virtio_drivers::transport::{DeviceStatus, DeviceType, Transport};

        /// The release's transport to the device at hand.
        pub enum Reached {
            /// By registers.
            Registers($transport),
            /// By a PCI function's regions, and what the release leaves out.
            Pci(PciTransport, $crate::virtio::Vectors),
        }

        macro_rules! each {
            ($this:expr, $inner:ident => $call:expr) => {
                match $this {
                    Self::Registers($inner) => $call,
                    Self::Pci($inner, _) => $call,
                }
            };
        }

        impl Transport for Reached {
            fn device_type(&self) -> DeviceType {
                each!(self, transport => transport.device_type())
            }
            fn read_device_features(&mut self) -> u64 {
                each!(self, transport => transport.read_device_features())
            }
            fn write_driver_features(&mut self, features: u64) {
                let platform = self.read_device_features() & $crate::virtio::ACCESS_PLATFORM;
                each!(self, transport => transport.write_driver_features(features | platform))
            }
            fn max_queue_size(&mut self, queue: u16) -> u32 {
                each!(self, transport => transport.max_queue_size(queue))
            }
            #[inline]
            fn notify(&mut self, queue: u16) {
                each!(self, transport => transport.notify(queue))
            }
            fn get_status(&self) -> DeviceStatus {
                each!(self, transport => transport.get_status())
            }
            fn set_status(&mut self, status: DeviceStatus) {
                each!(self, transport => transport.set_status(status))
            }
            fn set_guest_page_size(&mut self, size: u32) {
                each!(self, transport => transport.set_guest_page_size(size))
            }
            fn requires_legacy_layout(&self) -> bool {
                each!(self, transport => transport.requires_legacy_layout())
            }
            fn queue_set(
                &mut self,
                queue: u16,
                size: u32,
                descriptors: virtio_drivers::PhysAddr,
                driver_area: virtio_drivers::PhysAddr,
                device_area: virtio_drivers::PhysAddr,
            ) {
                if let Self::Pci(_, vectors) = self {
                    vectors.aim(queue);
                }
                each!(self, transport => transport.queue_set(queue, size, descriptors, driver_area, device_area))
            }
            fn queue_unset(&mut self, queue: u16) {
                each!(self, transport => transport.queue_unset(queue))
            }
            fn queue_used(&mut self, queue: u16) -> bool {
                $crate::virtio::is_used(each!(self, transport => transport.queue_used(queue)))
            }
            #[inline]
            fn ack_interrupt(&mut self) -> $interrupt {
                each!(self, transport => transport.ack_interrupt())
            }
            $($config)*
        }

        /// Configuration space as the release knows it.
        struct Access($crate::virtio::ConfigCopy);

        impl ConfigurationAccess for Access {
            fn read_word(&self, _: DeviceFunction, offset: u8) -> u32 {
                $crate::virtio::Config::read(&self.0, offset & !3)
            }
            fn write_word(&mut self, _: DeviceFunction, offset: u8, value: u32) {
                self.0.write(offset, value);
            }
            // SAFETY: the copy is memory of its own.
            unsafe fn unsafe_clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        fn reach<F: $crate::virtio::Facts>(
            resources: &$crate::resources::Resources,
        ) -> Result<(Reached, F), $crate::ProbeError> {
            use $crate::ProbeError;

            if let Some(found) = $crate::virtio::PciDevice::open(resources)? {
                // Whatever address the release asks for: there is one function.
                let function = DeviceFunction { bus: 0, device: 0, function: 0 };
                let mut root = PciRoot::new(Access(found.copy));
                let transport = PciTransport::new::<WindowHal, Access>(&mut root, function);
                let transport = transport.map_err(|_| ProbeError::WrongDevice)?;
                return Ok((Reached::Pci(transport, found.vectors), found.facts));
            }
            let ($registers, $len, facts) = $crate::virtio::open(resources)?;
            // SAFETY: root mapped the device's registers there, for as long as this generation has the device; they are
            // aligned and as long as `open` says.
            let transport = unsafe { <$transport>::new($($argument),*) };
            Ok((Reached::Registers(transport.map_err(|_| ProbeError::WrongDevice)?), facts))
        }
    };
}
