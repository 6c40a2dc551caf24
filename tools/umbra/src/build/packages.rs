//! Which packages of the workspace are programs for the target: cargo's own answer.

use crate::workspace;
use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Command;

/// The features that switch a program on; a package has exactly one of them.
const SWITCHES: [&str; 2] = ["target", "pd"];

/// A package's binary for the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The binary's name, unique in the workspace.
    pub name: String,
    /// The package's name: the same, but for packages with several programs.
    pub package: String,
    /// The feature that switches the binary on.
    pub switch: &'static str,
    /// Whether it is built once per kernel configuration.
    pub per_config: bool,
    /// A feature that this build of it has beside its switch: tests only.
    pub extra: Option<String>,
}

/// All programs for the target, by name.
pub fn programs() -> Result<Vec<Package>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--quiet"])
        .current_dir(workspace::root())
        .output()
        .context("starting cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut programs: Vec<Package> = list(&metadata["packages"]).flat_map(binaries).collect();
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn binaries(package: &Value) -> impl Iterator<Item = Package> {
    let per_config = package["features"].get("debug-build").is_some();
    list(&package["targets"]).filter_map(move |target| {
        let binary = Some(target).filter(|target| target["kind"][0] == "bin")?;
        let switch = SWITCHES
            .into_iter()
            .find(|switch| list(&binary["required-features"]).any(|feature| feature == switch))?;
        Some(Package {
            name: binary["name"].as_str()?.to_owned(),
            package: package["name"].as_str()?.to_owned(),
            switch,
            per_config,
            extra: None,
        })
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loader_and_kernel_are_among_the_programs() {
        let programs = programs().unwrap();
        let find = |name: &str| programs.iter().find(|package| package.name == name);
        assert!(find("loader").is_some_and(|loader| loader.switch == "target" && !loader.per_config));
        assert!(find("kernel").is_some_and(|kernel| kernel.switch == "target" && kernel.per_config));
        assert!(find("umbra").is_none(), "the tool itself is for the host");
        assert!(find("probe-bus").is_some_and(|probe| probe.package == "root-probe"));
    }
}
