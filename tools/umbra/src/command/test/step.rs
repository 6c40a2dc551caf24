//! The parts of the test run, and what each of them starts.

use crate::bound;
use crate::build::{self, Config};
use crate::setup;
use anyhow::Result;
use std::process::Command;

/// A part of the test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Everything is formatted.
    Fmt,
    /// No lint complains about host code.
    ClippyHost,
    /// No lint complains about programs for the target.
    ClippyTarget,
    /// Unit, property and documentation tests on the host.
    Host,
    /// The unsafe code of links and trace under Miri; skipped where there is no nightly toolchain with it.
    Miri,
    /// Layers, unsafe code, manifests.
    Tidy,
    /// Programs booted in QEMU.
    Boot,
}

impl Kind {
    /// All parts: what fails fast comes first.
    pub const ALL: [Self; 7] = [
        Self::Fmt,
        Self::Tidy,
        Self::ClippyHost,
        Self::ClippyTarget,
        Self::Host,
        Self::Miri,
        Self::Boot,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::ClippyHost => "clippy-host",
            Self::ClippyTarget => "clippy-target",
            Self::Host => "host",
            Self::Miri => "miri",
            Self::Tidy => "tidy",
            Self::Boot => "boot",
        }
    }

    /// What it starts. A command that runs no tests counts as one.
    pub fn commands(self, filter: Option<&str>) -> Result<Vec<Command>> {
        let with_filter = |mut command: Command| {
            if let Some(filter) = filter {
                command.args(["--", filter]);
            }
            vec![command]
        };
        Ok(match self {
            Self::Fmt => vec![cargo(&["fmt", "--all", "--check"])],
            Self::ClippyHost => {
                vec![cargo(&[
                    "clippy",
                    "--quiet",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ])]
            }
            Self::ClippyTarget => build::programs()?.iter().map(lint).collect(),
            Self::Host => {
                // What only debug kernels have: breakpoints, the list of threads, what is printed.
                let debug = ["--package", "kernel-core", "--features", "debug-build"];
                let mut commands = with_filter(test(&["--no-fail-fast", "--workspace", "--exclude", TESTS]));
                commands.extend(with_filter(test(&debug)));
                commands
            }
            Self::Miri if !setup::miri() => Vec::new(),
            Self::Miri => with_filter(miri()),
            Self::Tidy => with_filter(test(&["--package", TESTS, "--test", "tidy"])),
            Self::Boot => with_filter(test(&["--package", TESTS, "--test", "boot"])),
        })
    }
}

/// The package of tidy and boot tests.
const TESTS: &str = "umbra-tests";

fn cargo(arguments: &[&str]) -> Command {
    let mut command = bound::command("cargo");
    command.args(arguments);
    command
}

/// Tests, of which none outlives cargo: those in QEMU would leave their machines running.
fn test(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test"]);
    command.args(bound::cargo_arguments()).args(arguments);
    command
}

fn lint(program: &build::Package) -> Command {
    let mut command = build::cargo("clippy", program, Config::Debug);
    command.args(["--", "-D", "warnings"]);
    command
}

/// Miri is slow: few cases of each property, and only what reaches unsafe code.
fn miri() -> Command {
    let mut command = setup::nightly("cargo");
    command
        .args(["miri", "test", "--package", "shared-ring", "--package", "trace"])
        .args(["--test", "pages", "--test", "region"])
        .env("PROPTEST_CASES", "4")
        // The tests leak the regions that stand for mapped memory, on purpose.
        .env("MIRIFLAGS", "-Zmiri-ignore-leaks");
    command
}

/// A command as one would type it, without the paths.
pub fn shown(command: &Command) -> String {
    let [_, binding] = bound::cargo_arguments();
    let words = bound::words(command).map(|word| word.to_string_lossy());
    let words = words.take_while(|word| word != "--target-dir" && word != "--");
    let words: Vec<_> = words
        .filter(|word| word != "--config" && *word != binding)
        .collect();
    words.join(" ")
}
