//! Where things are in the checkout.

use std::path::PathBuf;

/// Root of the workspace: this tool only works inside its checkout.
pub fn root() -> PathBuf {
    // Set by `cargo run` and `cargo test`; a checkout that was moved after the build is found all the same.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package
        .ancestors()
        .find(|folder| folder.join("rust-toolchain.toml").is_file());
    root.map_or(package.clone(), PathBuf::from)
}

/// Cargo's target directory of the workspace.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
