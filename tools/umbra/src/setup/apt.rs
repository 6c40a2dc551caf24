//! Installing QEMU on Debian and Ubuntu.
//!
//! Debian 12's own QEMU is too old, the one in its backports is not. Backports live on the mirror the machine already
//! uses for Debian itself, whichever that is, so the address is taken from apt's own configuration.

use super::Version;
use crate::progress::Step as Progress;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::process::{Command, Stdio};

const PACKAGE: &str = "qemu-system-arm";
const BACKPORTS_LIST: &str = "/etc/apt/sources.list.d/umbra-backports.list";
/// Release whose QEMU is too old, and where a newer one is.
const OLD_DEBIAN: &str = "bookworm";
const OLD_DEBIAN_BACKPORTS: &str = "bookworm-backports";

/// One thing to do as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write a file with one line.
    Write {
        /// Where.
        path: &'static str,
        /// The line.
        line: String,
    },
    /// Run a program.
    Run(Vec<&'static str>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, line } => write!(f, "echo '{line}' | sudo tee {path}"),
            Self::Run(words) => write!(f, "sudo {}", words.join(" ")),
        }
    }
}

/// What to do on this machine to get a new enough QEMU.
pub fn steps_for_qemu(found: Option<Version>) -> Result<Vec<Step>> {
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let there = found.map_or_else(
        || "is missing".to_owned(),
        |version| format!("is version {version}"),
    );
    let Some(targets) = index_targets() else {
        bail!(
            "QEMU {there} and this is no Debian or Ubuntu: install qemu-system-aarch64 {} or later",
            super::QEMU_NEEDED
        );
    };
    plan(&os, &targets)
}

/// Does it, or says exactly what to run if we may not.
pub fn run(steps: &[Step]) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        let commands: Vec<String> = steps.iter().map(|step| format!("    {step}")).collect();
        bail!(
            "QEMU {} or later is missing; run:\n{}",
            super::QEMU_NEEDED,
            commands.join("\n")
        );
    }
    let _progress = Progress::start("installing QEMU");
    for step in steps {
        match step {
            Step::Write { path, line } => {
                std::fs::write(path, format!("{line}\n")).with_context(|| format!("writing {path}"))?;
            }
            Step::Run(words) => run_quietly(words).with_context(|| format!("failed: {step}"))?,
        }
    }
    Ok(())
}

fn plan(os_release: &str, targets: &[Target]) -> Result<Vec<Step>> {
    let update = Step::Run(vec!["apt-get", "update"]);
    let install = vec![
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
        "install",
        "--yes",
        "--no-install-recommends",
    ];
    let field = |name: &str| {
        let line = os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    if field("VERSION_CODENAME").as_deref() != Some(OLD_DEBIAN) {
        return Ok(vec![update, Step::Run([install, vec![PACKAGE]].concat())]);
    }
    let mut steps = Vec::new();
    if !targets
        .iter()
        .any(|target| target.release == OLD_DEBIAN_BACKPORTS)
    {
        let own = targets
            .iter()
            .find(|target| target.release == OLD_DEBIAN && target.component == "main");
        let mirror = own.map(|target| target.uri.as_str());
        let mirror = mirror.context("apt's sources name no mirror of Debian 12 to take backports from")?;
        let line = format!("deb {mirror} {OLD_DEBIAN_BACKPORTS} main");
        steps.push(Step::Write {
            path: BACKPORTS_LIST,
            line,
        });
    }
    steps.push(update);
    steps.push(Step::Run(
        [install, vec!["-t", OLD_DEBIAN_BACKPORTS, PACKAGE]].concat(),
    ));
    Ok(steps)
}

/// A package index that apt is configured to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    uri: String,
    release: String,
    component: String,
}

/// Asks apt, which understands both formats of its sources; `None` if there is no apt.
fn index_targets() -> Option<Vec<Target>> {
    let output = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Created-By: Packages",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(parse_targets(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_targets(text: &str) -> Vec<Target> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('|').map(str::to_owned);
            Some(Target {
                uri: fields.next()?,
                release: fields.next()?,
                component: fields.next()?,
            })
        })
        .collect()
}

/// Runs a program, keeps its output for the case that it fails.
fn run_quietly(words: &[&str]) -> Result<()> {
    let (program, arguments) = words.split_first().context("empty command")?;
    let output = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {program}"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
    const TRIXIE: &str = "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n";
    const OWN: &str =
        "http://mirror.test/debian/|bookworm|main\nhttp://mirror.test/security/|bookworm-security|main\n";

    fn shown(os: &str, targets: &str) -> Vec<String> {
        plan(os, &parse_targets(targets))
            .unwrap()
            .iter()
            .map(Step::to_string)
            .collect()
    }

    #[test]
    fn debian_12_takes_qemu_from_backports_of_its_own_mirror() {
        let steps = shown(BOOKWORM, OWN);
        assert_eq!(
            steps,
            [
                "echo 'deb http://mirror.test/debian/ bookworm-backports main' | sudo tee /etc/apt/sources.list.d/umbra-backports.list",
                "sudo apt-get update",
                "sudo apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends -t bookworm-backports qemu-system-arm",
            ]
        );
    }

    #[test]
    fn backports_are_not_configured_twice() {
        let steps = shown(
            BOOKWORM,
            &format!("{OWN}http://mirror.test/debian/|bookworm-backports|main\n"),
        );
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0], "sudo apt-get update");
    }

    #[test]
    fn newer_releases_use_their_own_qemu() {
        let steps = shown(TRIXIE, "http://mirror.test/debian/|trixie|main\n");
        assert_eq!(
            steps[1],
            "sudo apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends qemu-system-arm"
        );
    }

    #[test]
    fn debian_12_without_a_mirror_is_an_error() {
        assert!(plan(BOOKWORM, &parse_targets("http://other.test/|stable|main\n")).is_err());
    }
}
