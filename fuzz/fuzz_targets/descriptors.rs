//! See `oracles::descriptors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::descriptors(bytes));
