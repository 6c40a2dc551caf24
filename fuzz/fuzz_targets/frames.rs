//! See `oracles::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::frames(bytes));
