//! See `oracles::image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::image(bytes));
