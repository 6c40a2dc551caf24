//! virtio network devices, by release 0.7.5 of `virtio-drivers`, unchanged.
#![no_std]

use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_net!(0.7 MmioTransport, |registers, _len| new(registers));
