//! Programs for the target, built by cargo.
//!
//! Each kernel configuration has its own target directory (`target/umbra/<config>`): features are unified within one
//! cargo call, and a userland of one configuration must never meet crates of another.

mod config;
mod packages;

pub use config::Config;
pub use packages::{Package, programs};

use crate::progress::Step;
use crate::setup::TARGET;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Builds our kernel; returns the ELF's path.
pub fn kernel(config: Config) -> Result<PathBuf> {
    program("kernel", config)
}

/// Builds the loader, which is the same for all configurations; returns the ELF's path.
pub fn loader() -> Result<PathBuf> {
    program("loader", Config::Release)
}

/// Builds a program for the target by its name; returns the ELF's path. `name+feature` is a build of it for tests, which lies
/// elsewhere.
pub fn program(name: &str, config: Config) -> Result<PathBuf> {
    let all = programs()?;
    let (name, extra) = match name.split_once('+') {
        Some((name, feature)) => (name, Some(feature.to_owned())),
        None => (name, None),
    };
    let package = all.iter().find(|package| package.name == name);
    let package = package.with_context(|| format!("no program `{name}` for the target in this workspace"))?;
    let package = Package {
        extra,
        ..package.clone()
    };
    build(std::slice::from_ref(&package), config)?;
    Ok(path(&package, config))
}

/// Builds several programs with one cargo call each; returns the ELFs' paths in the same order.
///
/// One call each, not one for all: cargo would unify the features that their dependencies are built with.
pub fn build(packages: &[Package], config: Config) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for package in packages {
        let _step = Step::start(format!("building {} ({})", package.name, config.name()));
        let status = cargo("build", package, config)
            .status()
            .context("starting cargo")?;
        if !status.success() {
            bail!("building {} for {} failed", package.name, config.name());
        }
        paths.push(path(package, config));
    }
    Ok(paths)
}

/// Cargo's call for a program, not yet started. `subcommand` is `build` or `clippy`.
pub fn cargo(subcommand: &str, package: &Package, config: Config) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace::root())
        .args([subcommand, "--release", "--quiet", "--target", TARGET]);
    cargo.args([
        "--package",
        &package.package,
        "--bin",
        &package.name,
        "--features",
    ]);
    let config_feature = config.feature().filter(|_| package.per_config);
    cargo.arg(
        [package.switch]
            .into_iter()
            .chain(config_feature)
            .chain(package.extra.as_deref())
            .collect::<Vec<_>>()
            .join(","),
    );
    cargo.arg("--target-dir").arg(folder(package, config));
    // What `cargo run` sets for the tool would otherwise leak into the build scripts of the programs.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Where a program is built: one that knows no configuration has one place for all of them.
fn folder(package: &Package, config: Config) -> PathBuf {
    let config = if package.per_config {
        config
    } else {
        Config::Release
    };
    let name = match &package.extra {
        Some(feature) => format!("{}+{feature}", config.name()),
        None => config.name().to_owned(),
    };
    workspace::target().join("umbra").join(name)
}

fn path(package: &Package, config: Config) -> PathBuf {
    folder(package, config)
        .join(TARGET)
        .join("release")
        .join(&package.name)
}
