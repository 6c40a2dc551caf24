//! See `oracles::heads`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::heads(bytes));
