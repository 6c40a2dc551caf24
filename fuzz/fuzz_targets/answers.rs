//! See `oracles::answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::answers(bytes));
