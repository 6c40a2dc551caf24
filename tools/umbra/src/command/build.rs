//! `cargo umbra build`: build the programs for the target.

use crate::build::{self, Config};
use crate::cli::Exit;
use crate::setup;
use anyhow::Result;

/// Build loader and kernel for the target
#[derive(clap::Args)]
pub struct Arguments {
    /// Kernel configuration
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::rust_target()?;
    println!("{}", build::loader()?.display());
    println!("{}", build::kernel(arguments.config)?.display());
    Ok(Exit::Success)
}
