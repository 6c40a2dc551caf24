//! The driver as a program.
#![no_std]
#![no_main]

driver_runtime::block_driver!(idles_then_sleeps::Driver);
