//! See `oracles::package`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::package(bytes));
