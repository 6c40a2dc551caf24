//! `cargo umbra completions`: scripts that let a shell complete commands, options and values.

use crate::cli::Exit;
use anyhow::Result;
use clap_complete::Shell;

/// Print a script that lets your shell complete `umbra`'s commands and options
///
/// The script completes the word `umbra`; with `alias umbra='cargo umbra'` that is this tool. For bash:
/// `source <(cargo umbra completions bash)`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Shell
    shell: Shell,
}

/// Runs the command; `definition` is the whole tool's.
pub fn run(arguments: &Arguments, mut definition: clap::Command) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut definition, "umbra", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}
