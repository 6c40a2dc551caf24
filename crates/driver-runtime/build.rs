//! Puts the linker script where the linker of a driver finds it.

use std::path::PathBuf;
use std::{env, fs};

const SCRIPT: &str = "driver.ld";

fn main() {
    println!("cargo::rerun-if-changed={SCRIPT}");
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy(SCRIPT, out_dir.join(SCRIPT)).expect("OUT_DIR is writable");
    println!("cargo::rustc-link-search={}", out_dir.display());
}
