//! The driver as a program.
#![no_std]
#![no_main]

driver_runtime::net_driver!(e1000::Driver);
