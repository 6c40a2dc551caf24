//! See `oracles::files`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::files(bytes));
