//! `cargo umbra test crashes`: somebody dies at every instant of an update.

use crate::cli::Exit;
use crate::{setup, testing, workspace};
use anyhow::{Context, Result};
use std::process::Command;

const EXIT_CODES: &str = "\
Exit status:
  0  every update ended as the model says that it may, the clients noticed nothing, and the disk is right
  1  it ran, but an update ended otherwise (the death is named, and how to repeat it), or the model has an instant that was not met
  2  it could not run";

/// Let control, stager, bus, IOMMU, shadow, timer, guard clock, command and the driver die at every instant of an update
///
/// Of an update that commits and of one that rolls back, some 1,800 deaths on one machine. `cargo umbra test` has some of them, others
/// every day.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Only some of them, chosen by this number
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// All of one kind of update only
    #[arg(long, conflicts_with = "seed", value_parser = [testing::COMMITS, testing::ROLLS_BACK])]
    only: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let seed = arguments.seed.map(|seed| seed.to_string());
    let choice = seed.or(arguments.only.clone()).unwrap_or("all".to_owned());
    let status = Command::new("cargo")
        .args([
            "test",
            "--quiet",
            "--package",
            "umbra-tests",
            "--test",
            "boot",
            "--",
            "whoever_dies",
        ])
        .env(testing::CRASHES, choice)
        .current_dir(workspace::root())
        .status()
        .context("starting cargo")?;
    Ok(if status.success() {
        Exit::Success
    } else {
        Exit::Failed
    })
}
