//! virtio block devices, by release 0.4.0 of `virtio-drivers`, unchanged.
#![no_std]

use virtio_drivers::device::blk::VirtIOBlk;
use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_sector_blk!(VirtIOBlk, MmioTransport, unsafe);
