//! virtio network devices, by release 0.9.0 of `virtio-drivers`, unchanged.
#![no_std]

use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_net!(pci 0.9 MmioTransport, |registers, len| new(registers, len));
