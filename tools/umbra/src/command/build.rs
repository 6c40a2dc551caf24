//! `cargo umbra build`: build the programs for the target.

use crate::build::{self, Config};
use crate::cli::Exit;
use crate::setup;
use anyhow::{Result, bail};

/// Build the programs for the target and print their paths
#[derive(clap::Args)]
pub struct Arguments {
    /// Kernel configuration
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
    /// Packages to build; all if none is named
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::rust_target()?;
    let mut programs = build::programs()?;
    if let Some(unknown) = arguments
        .packages
        .iter()
        .find(|name| !programs.iter().any(|p| p.name == **name))
    {
        let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
        bail!("no program `{unknown}`; there are: {}", names.join(", "));
    }
    programs.retain(|program| arguments.packages.is_empty() || arguments.packages.contains(&program.name));
    for path in build::build(&programs, arguments.config)? {
        println!("{}", path.display());
    }
    Ok(Exit::Success)
}
