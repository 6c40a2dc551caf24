//! See `oracles::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::link(bytes));
