//! What must be there, and installing what is not: the Rust target (by rustup) and QEMU (by apt).
//!
//! Nothing is installed if it is there already. Where we may not install, the error is the exact command to run.

mod apt;
mod version;

pub use version::Version;

use crate::progress::Step;
use crate::{qemu, workspace};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The target of every program that runs in the machine.
pub const TARGET: &str = "aarch64-unknown-none-softfloat";

/// Oldest QEMU that has all devices we use.
pub const QEMU_NEEDED: Version = Version { major: 8, minor: 2 };

/// Makes sure that the toolchain of `rust-toolchain.toml` can build for [`TARGET`].
pub fn rust_target() -> Result<()> {
    if rust_target_is_there()? {
        return Ok(());
    }
    let _step = Step::start(format!("adding the Rust target {TARGET}"));
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(workspace::root())
        .status();
    if !added.is_ok_and(|status| status.success()) || !rust_target_is_there()? {
        bail!("the Rust target is missing; run: rustup target add {TARGET}");
    }
    Ok(())
}

/// Makes sure that a component of the toolchain is there (`fmt`, `clippy`: the cargo subcommand's name).
pub fn rust_component(subcommand: &str, component: &str) -> Result<()> {
    let there = || {
        let mut probe = Command::new("cargo");
        probe
            .args([subcommand, "--version"])
            .current_dir(workspace::root());
        probe.output().is_ok_and(|output| output.status.success())
    };
    if there() {
        return Ok(());
    }
    let _step = Step::start(format!("adding the Rust component {component}"));
    let _ = Command::new("rustup")
        .args(["component", "add", component])
        .current_dir(workspace::root())
        .status();
    if !there() {
        bail!("a Rust component is missing; run: rustup component add {component}");
    }
    Ok(())
}

/// A program of the nightly toolchain, whatever toolchain started us.
pub fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}

/// Whether Miri can be run. It is added to a nightly toolchain that is there; none is installed for it.
pub fn miri() -> bool {
    let there = || {
        let mut probe = nightly("cargo");
        probe.args(["miri", "--version"]);
        probe.output().is_ok_and(|output| output.status.success())
    };
    if there() {
        return true;
    }
    if nightly("rustc")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let _step = Step::start("adding Miri to the nightly toolchain");
        let _ = Command::new("rustup")
            .args(["component", "add", "--toolchain", "nightly", "miri", "rust-src"])
            .status();
    }
    there()
}

/// Makes sure that QEMU is there and new enough; returns its version.
pub fn qemu() -> Result<Version> {
    let found = qemu_version();
    if let Some(version) = found
        && version >= QEMU_NEEDED
    {
        return Ok(version);
    }
    let steps = apt::steps_for_qemu(found)?;
    apt::run(&steps)?;
    match qemu_version() {
        Some(version) if version >= QEMU_NEEDED => Ok(version),
        Some(version) => bail!("QEMU {version} was installed, {QEMU_NEEDED} or later is needed"),
        None => bail!("{} was installed but does not run", qemu::PROGRAM),
    }
}

fn qemu_version() -> Option<Version> {
    let output = Command::new(qemu::PROGRAM).arg("--version").output().ok()?;
    Version::find(&String::from_utf8_lossy(&output.stdout))
}

/// Asks the compiler where the target's library is: faster than rustup, and true also without rustup.
fn rust_target_is_there() -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(workspace::root())
        .output()
        .context("starting rustc")?;
    Ok(output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
