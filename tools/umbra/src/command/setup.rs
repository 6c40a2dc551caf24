//! `cargo umbra setup`: install what is missing. Every other command does so too, for what it needs.

use crate::cli::Exit;
use crate::setup;
use anyhow::Result;

/// Install what is missing: the Rust target, QEMU 8.2 or later
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the command.
pub fn run(_: &Arguments) -> Result<Exit> {
    setup::rust_target()?;
    let version = setup::qemu()?;
    println!("ready: Rust target {}, QEMU {version}", setup::TARGET);
    Ok(Exit::Success)
}
