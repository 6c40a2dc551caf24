//! virtio network devices, by release 0.8.0 of `virtio-drivers`, unchanged.
#![no_std]

use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_net!(pci 0.8 MmioTransport, |registers, _len| new(registers));
