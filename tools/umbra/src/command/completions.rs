//! `cargo umbra completions`: scripts that let a shell complete commands, options and names.

use crate::cli::Exit;
use crate::complete;
use anyhow::{Context, Result};
use clap_complete::Shell;

/// Print a script that lets your shell complete `umbra`'s commands, options and names
///
/// The script completes the word `umbra`; with `alias umbra='cargo umbra'` that is this tool. For bash:
/// `source <(cargo umbra completions bash)`. Devices, packages and keys are those of the machine that runs; the tool is asked for
/// them where it is now.
#[derive(clap::Args)]
pub struct Arguments {
    /// Shell
    shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let shell = complete::shell(&arguments.shell.to_string()).context("no script for that shell")?;
    let tool = std::env::current_exe().context("finding this program")?;
    let tool = tool.to_str().context("this program's path is no text")?;
    let mut script = Vec::new();
    shell.write_registration(
        complete::VARIABLE,
        complete::WORD,
        complete::WORD,
        tool,
        &mut script,
    )?;
    print!("{}", String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}
