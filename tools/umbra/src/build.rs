//! Programs for the target, built by cargo.
//!
//! Each kernel configuration has its own target directory (`target/umbra/<config>`): features are unified within one
//! cargo call, and a userland of one configuration must never meet crates of another.

mod config;

pub use config::Config;

use crate::progress::Step;
use crate::setup::TARGET;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// A program package to build for the target.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// Package name, which is also the name of the binary.
    pub package: &'a str,
    /// Features, the one that switches the program on (`target` or `pd`) included.
    pub features: &'a [&'a str],
    /// Kernel configuration it is built for.
    pub config: Config,
}

/// Builds our kernel; returns the ELF's path.
pub fn kernel(config: Config) -> Result<PathBuf> {
    let features: Vec<&str> = ["target"].into_iter().chain(config.feature()).collect();
    program(&Program {
        package: "kernel",
        features: &features,
        config,
    })
}

/// Builds the loader, which is the same for all configurations; returns the ELF's path.
pub fn loader() -> Result<PathBuf> {
    program(&Program {
        package: "loader",
        features: &["target"],
        config: Config::Release,
    })
}

/// Builds a program for the target; returns the ELF's path.
pub fn program(program: &Program<'_>) -> Result<PathBuf> {
    let folder = workspace::target().join("umbra").join(program.config.name());
    let _step = Step::start(format!(
        "building {} ({})",
        program.package,
        program.config.name()
    ));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace::root())
        .args(["build", "--release", "--quiet", "--target", TARGET]);
    cargo.args(["--package", program.package, "--bin", program.package]);
    cargo.arg("--features").arg(program.features.join(","));
    cargo.arg("--target-dir").arg(&folder);
    // What `cargo run` sets for us would otherwise make the build of the target think it is part of the tool's.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!(
            "building {} for {} failed",
            program.package,
            program.config.name()
        );
    }
    Ok(folder.join(TARGET).join("release").join(program.package))
}
