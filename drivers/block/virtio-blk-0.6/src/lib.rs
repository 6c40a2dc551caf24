//! virtio block devices, by release 0.6.0 of `virtio-drivers`, unchanged. It accepts `F_EVENT_IDX` and never writes `used_event` (mended in
//! 0.7.2), so it is not offered it.
#![no_std]

use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_without_event_idx!(MmioTransport);
driver_runtime::virtio_blk!(WithoutEventIdx, |registers, _len| new(registers));
