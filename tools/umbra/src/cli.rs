//! Arguments and exit codes.

use crate::{command, complete};
use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// How the tool ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for held.
    Success = 0,
    /// It ran, but what was asked for did not hold: a test failed, a pattern did not come, a check found a fault.
    Failed = 1,
    /// It could not run: something is missing, does not build, or cannot be read. (Clap's own exit code for wrong usage is 2 too.)
    CannotRun = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

const EXIT_CODES: &str = "\
Exit status:
  0  all that was asked for held
  1  it ran, but what was asked for did not hold (a test failed, a pattern did not come)
  2  it could not run (wrong usage, something missing, a build error)";

/// Replaces device drivers while they are in use.
#[derive(Parser)]
#[command(name = "umbra", bin_name = "cargo umbra", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(command::bench::Arguments),
    Boot(command::boot::Arguments),
    Build(command::build::Arguments),
    Completions(command::completions::Arguments),
    Ctl(command::ctl::Arguments),
    Demo(command::demo::Arguments),
    Inspect(command::pack::InspectArguments),
    Key(command::key::Arguments),
    New(command::new::Arguments),
    Pack(command::pack::Arguments),
    Run(command::run::Arguments),
    Setup(command::setup::Arguments),
    Test(command::test::Arguments),
    Top(command::top::Arguments),
    Trace(command::trace::Arguments),
}

/// Parses the arguments, runs the command, reports an error.
pub fn run() -> ExitCode {
    complete::answer();
    let matches = definition().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = dispatch(cli.command);
    let exit = result.unwrap_or_else(|error| {
        eprintln!("umbra: error: {error:#}");
        Exit::CannotRun
    });
    exit.into()
}

/// The arguments, with the exit codes in every subcommand's help: its own, or those of the command it belongs to.
pub(crate) fn definition() -> clap::Command {
    with_exit_codes(Cli::command(), EXIT_CODES)
}

fn with_exit_codes(command: clap::Command, inherited: &str) -> clap::Command {
    let own = command.get_after_help().map(ToString::to_string);
    let codes = own.unwrap_or_else(|| inherited.to_owned());
    command
        .after_help(codes.clone())
        .mut_subcommands(|command| with_exit_codes(command, &codes))
}

fn dispatch(command: Command) -> Result<Exit> {
    match command {
        Command::Bench(arguments) => command::bench::run(&arguments),
        Command::Boot(arguments) => command::boot::run(&arguments),
        Command::Build(arguments) => command::build::run(&arguments),
        Command::Completions(arguments) => command::completions::run(&arguments),
        Command::Ctl(arguments) => command::ctl::run(&arguments),
        Command::Demo(arguments) => command::demo::run(&arguments),
        Command::Inspect(arguments) => command::pack::inspect(&arguments),
        Command::Key(arguments) => command::key::run(&arguments),
        Command::New(arguments) => command::new::run(&arguments),
        Command::Pack(arguments) => command::pack::run(&arguments),
        Command::Run(arguments) => command::run::run(&arguments),
        Command::Setup(arguments) => command::setup::run(&arguments),
        Command::Test(arguments) => command::test::run(&arguments),
        Command::Top(arguments) => command::top::run(&arguments),
        Command::Trace(arguments) => command::trace::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_says_how_it_exits() {
        fn check(command: &mut clap::Command) {
            // clap's own.
            if command.get_name() == "help" {
                return;
            }
            let help = command.render_long_help().to_string();
            assert!(help.contains("Exit status:"), "{}", command.get_name());
            command.get_subcommands_mut().for_each(check);
        }
        check(&mut definition());
        let mut ctl = definition();
        let update = ctl
            .find_subcommand_mut("ctl")
            .and_then(|ctl| ctl.find_subcommand_mut("update"))
            .expect("a command of that name");
        assert!(update.render_help().to_string().contains("undid the change"));
    }
}
