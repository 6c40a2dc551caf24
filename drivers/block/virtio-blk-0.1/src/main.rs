//! The driver as a program.
#![no_std]
#![no_main]

driver_runtime::block_driver!(virtio_blk_0_1::Driver);
