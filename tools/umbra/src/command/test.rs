//! `cargo umbra test`: every test of the project, with a summary.

mod crashes;
mod kernel;
mod outcome;
mod releases;
mod step;

use crate::build::Config;
use crate::cli::Exit;
use crate::progress::Step as Progress;
use crate::{setup, workspace};
use anyhow::{Context, Result};
use outcome::{Outcome, Total};
use std::path::PathBuf;
use std::time::Instant;
use step::Kind;

/// Run every test: format, lints, host tests, tidy, boot tests in QEMU
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    suite: Option<Suite>,
    /// Run only these parts
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    only: Vec<Kind>,
    /// Run the boot tests on this kernel too
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Boot only programs of this kernel configuration
    #[arg(long, value_enum)]
    config: Option<Config>,
    /// Run only tests whose name contains this
    #[arg(value_name = "NAME")]
    filter: Option<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What can be run by itself.
#[derive(clap::Subcommand)]
enum Suite {
    Crashes(crashes::Arguments),
    Kernel(kernel::Arguments),
    Releases(releases::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    match &arguments.suite {
        Some(Suite::Crashes(arguments)) => crashes::run(arguments),
        Some(Suite::Kernel(arguments)) => kernel::run(arguments),
        Some(Suite::Releases(arguments)) => releases::run(arguments),
        None => run_parts(arguments),
    }
}

fn run_parts(arguments: &Arguments) -> Result<Exit> {
    setup::rust_target()?;
    setup::rust_component("fmt", "rustfmt")?;
    setup::rust_component("clippy", "clippy")?;
    let chosen = |kind: &Kind| arguments.only.is_empty() || arguments.only.contains(kind);
    if chosen(&Kind::Boot) {
        setup::qemu()?;
    }
    let mut outcomes = Vec::new();
    for kind in Kind::ALL.into_iter().filter(chosen) {
        outcomes.push(run_part(kind, arguments)?);
    }
    println!();
    // Last, where it is seen: what was said of it lies far above.
    for failure in outcomes.iter().flat_map(|outcome| &outcome.failures) {
        println!("FAILED: {failure}\n");
    }
    for again in outcomes.iter().flat_map(|outcome| &outcome.again) {
        println!("passed only when tried again: {again}");
    }
    for outcome in &outcomes {
        println!("{outcome}");
    }
    let total = Total::of(&outcomes);
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&total.json(&outcomes))?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(if total.failed == 0 {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn run_part(kind: Kind, arguments: &Arguments) -> Result<Outcome> {
    let started = Instant::now();
    let mut outcome = Outcome::new(kind.name());
    for mut command in kind.commands(arguments.filter.as_deref())? {
        let progress = Progress::start(format!("{}: {}", kind.name(), step::shown(&command)));
        command.current_dir(workspace::root());
        if let Some(kernel) = &arguments.kernel {
            let kernel = kernel
                .canonicalize()
                .with_context(|| format!("{}", kernel.display()))?;
            command.env(crate::testing::KERNEL, kernel);
        }
        if let Some(config) = arguments.config {
            command.env(crate::testing::CONFIG, config.name());
        }
        let output = command.output().context("starting cargo")?;
        drop(progress);
        if !outcome.add(&output) {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    println!("{outcome}");
    Ok(outcome)
}
