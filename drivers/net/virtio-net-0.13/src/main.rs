//! The driver as a program.
#![no_std]
#![no_main]

driver_runtime::net_driver!(virtio_net_0_13::Driver);
