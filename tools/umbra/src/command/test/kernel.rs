//! `cargo umbra test kernel`: the conformance suite, on our kernel or on a given one, and what differs.

use crate::build::{self, Config};
use crate::cli::Exit;
use crate::image::{boot_image, elf::Elf, user_image::UserImage};
use crate::progress::Step;
use crate::qemu::{End, Guest, Machine, Tee};
use crate::setup;
use anyhow::{Context, Result, bail};
use regex::bytes::Regex;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit status:
  0  the kernel answers, message for message, as the official kernel of its configuration does
  1  it ran, but something differs (each test that does is named, with what it expected and what it got)
  2  it could not run (wrong usage, something missing, a build error, a kernel that does not start)";

/// Run the conformance suite on our kernel in all three configurations, or on a given one, and say what differs
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Kernel to run it on, instead of ours
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Only this configuration; that of the given kernel, which otherwise is found by trying
    #[arg(long, value_enum)]
    config: Option<Config>,
    /// Start the machine at EL2: then there is a firmware to call
    #[arg(long)]
    el2: bool,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What the suite said of a kernel.
struct Verdict {
    config: Config,
    passed: usize,
    /// A line for each test that failed: its name and why.
    differences: Vec<String>,
}

impl Verdict {
    fn identical(&self) -> bool {
        self.differences.is_empty()
    }

    fn json(&self) -> Value {
        json!({
            "configuration": self.config.name(), "tests": self.passed + self.differences.len(),
            "differences": self.differences,
        })
    }
}

/// A kernel under a suite of another configuration may say nothing at all: the first result must come by then.
const FIRST_RESULT: Duration = Duration::from_secs(30);
/// The whole suite takes ten seconds on a quiet host.
const WHOLE_SUITE: Duration = Duration::from_secs(300);

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let one = |config| suite(arguments.kernel.as_deref(), config, arguments.el2);
    let verdicts = match (&arguments.kernel, arguments.config) {
        (Some(_), None) => vec![closest(one)?],
        (_, Some(config)) => vec![one(config)?],
        (None, None) => Config::ALL.into_iter().map(one).collect::<Result<_>>()?,
    };
    for verdict in &verdicts {
        print(verdict);
    }
    let identical = verdicts.iter().all(Verdict::identical);
    if let Some(path) = &arguments.json {
        let kernels: Vec<Value> = verdicts.iter().map(Verdict::json).collect();
        let text = format!("{:#}\n", json!({ "kernels": kernels, "ok": identical }));
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if identical { Exit::Success } else { Exit::Failed })
}

fn print(verdict: &Verdict) {
    let tests = verdict.passed + verdict.differences.len();
    let name = verdict.config.name();
    if verdict.identical() {
        println!("{name}: {tests} tests, identical");
        return;
    }
    println!("{name}: {tests} tests, {} differ", verdict.differences.len());
    for difference in &verdict.differences {
        println!("  {difference}");
    }
}

/// The configuration in which the least differs: the kernel's own, if it conforms at all.
fn closest(mut one: impl FnMut(Config) -> Result<Verdict>) -> Result<Verdict> {
    let mut best: Option<Verdict> = None;
    let mut trouble = None;
    for config in Config::ALL {
        match one(config) {
            Ok(verdict) if verdict.identical() => return Ok(verdict),
            Ok(verdict) => {
                let better = |best: &Verdict| best.differences.len() > verdict.differences.len();
                if best.as_ref().is_none_or(better) {
                    best = Some(verdict);
                }
            }
            Err(error) => trouble = Some(error),
        }
    }
    match (best, trouble) {
        (Some(verdict), _) => Ok(verdict),
        (None, Some(error)) => Err(error.context("in no configuration")),
        (None, None) => bail!("there is no configuration"),
    }
}

/// Runs the suite of a configuration to its end.
fn suite(kernel: Option<&Path>, config: Config, el2: bool) -> Result<Verdict> {
    let kernel = match kernel {
        Some(path) => path.to_owned(),
        None => build::kernel(config)?,
    };
    let user = UserImage::from_elf(&Elf::read(&build::program("kernel-conformance", config)?)?)?;
    let elf = Elf::read(&kernel).with_context(|| format!("{}", kernel.display()))?;
    let image = boot_image::build(&Elf::read(&build::loader()?)?, &elf, &user)?;
    let machine = Machine {
        el2,
        // Budgets and timeouts are part of it.
        icount: true,
        ..Machine::default()
    };
    let progress = Step::start(format!("conformance suite, {}", config.name()));
    let mut guest = Guest::start(&machine, &image, WHOLE_SUITE, Tee::Quiet)?;
    let first = guest.wait_for(Some(&Regex::new("^(ok|FAIL) ")?), FIRST_RESULT);
    let last = match first {
        End::Matched(_) => guest.wait_for(Some(&Regex::new("^TEST_(PASS|FAIL)")?), WHOLE_SUITE),
        other => other,
    };
    let text = guest.console().text();
    guest.stop();
    drop(progress);
    match last {
        End::Matched(_) => Ok(judge(config, &text)),
        _ => bail!(
            "the suite for {} does not come to its end: {last:?}",
            config.name()
        ),
    }
}

/// Counts the suite's lines. Debug kernels print lines of their own in between.
fn judge(config: Config, console: &str) -> Verdict {
    let mut verdict = Verdict {
        config,
        passed: 0,
        differences: Vec::new(),
    };
    for line in console.lines() {
        if line.starts_with("ok ") {
            verdict.passed += 1;
        } else if let Some(difference) = line.strip_prefix("FAIL ") {
            verdict.differences.push(difference.to_owned());
        } else if line.starts_with("TEST_FAIL") && verdict.differences.is_empty() {
            // Whatever garbled the lines: the suite's own count is what holds.
            verdict.differences.push(line.to_owned());
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_the_lines_that_failed() {
        let console = "noise\nok a::b\nFAIL a::c: expected 1 got 2\nok a::d\nTEST_FAIL 1/3\n";
        let verdict = judge(Config::Debug, console);
        assert_eq!(verdict.passed, 2);
        assert_eq!(verdict.differences, ["a::c: expected 1 got 2"]);
        assert!(judge(Config::Debug, "ok a::b\nTEST_PASS 1\n").identical());
        assert!(!judge(Config::Debug, "ok a::b\nTEST_FAIL 1/2\n").identical());
    }

    fn verdict(config: Config, differences: usize) -> Verdict {
        Verdict {
            config,
            passed: 1,
            differences: vec![String::new(); differences],
        }
    }

    #[test]
    fn configuration_is_the_one_with_least_differences() {
        let found = |differences: [Option<usize>; 3]| {
            let mut tried = 0;
            let result = closest(|config| {
                let at = Config::ALL.iter().position(|known| *known == config);
                tried += 1;
                let differences = differences[at.context("unknown")?].context("silent")?;
                Ok(verdict(config, differences))
            });
            (result.ok().map(|verdict| verdict.config), tried)
        };
        assert_eq!(found([Some(0), None, None]), (Some(Config::ALL[0]), 1));
        assert_eq!(found([None, Some(2), Some(1)]), (Some(Config::ALL[2]), 3));
        assert_eq!(found([None, None, None]), (None, 3));
    }
}
