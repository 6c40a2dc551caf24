//! Tests of the whole: they are in the test targets of this package.
//!
//! | target | |
//! |---|---|
//! | `boot` | programs booted in QEMU, each case in a machine and a folder of its own |
//! | `tidy` | rules about the source: layers, unsafe code, panics, manifests |
//!
//! `programs/` holds root tasks and other programs that exist for tests only. `cargo umbra test` runs all of it.
#![forbid(unsafe_code)]
