//! virtio block devices, by release 0.1.0 of `virtio-drivers`, unchanged.
#![no_std]

driver_runtime::virtio_sector_blk!(
    virtio_drivers::VirtIOBlk,
    virtio_drivers::MmioTransport,
    translated
);
