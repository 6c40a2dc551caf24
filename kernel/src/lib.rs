//! The kernel is a program; its logic is the crate `kernel-core`. Nothing is left for a library.
#![no_std]
#![forbid(unsafe_code)]
