//! Which packages of the workspace are programs for the target: cargo's own answer.

use crate::workspace;
use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Command;

/// The features that switch a program on; a package has exactly one of them.
const SWITCHES: [&str; 2] = ["target", "pd"];

/// A package with a binary for the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, which is also the binary's.
    pub name: String,
    /// The feature that switches the binary on.
    pub switch: &'static str,
    /// Whether it is built once per kernel configuration.
    pub per_config: bool,
}

/// All programs for the target, by name.
pub fn programs() -> Result<Vec<Package>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--quiet"])
        .current_dir(workspace::root())
        .output()
        .context("starting cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut programs: Vec<Package> = list(&metadata["packages"]).filter_map(package).collect();
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn package(package: &Value) -> Option<Package> {
    let name = package["name"].as_str()?;
    let binary =
        list(&package["targets"]).find(|target| target["name"] == name && target["kind"][0] == "bin")?;
    let switch = SWITCHES
        .into_iter()
        .find(|switch| list(&binary["required-features"]).any(|feature| feature == switch))?;
    let per_config = package["features"].get("debug-build").is_some();
    Some(Package {
        name: name.to_owned(),
        switch,
        per_config,
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
    }
}
