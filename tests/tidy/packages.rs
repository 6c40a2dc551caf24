//! The packages of the workspace, as cargo knows them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the workspace.
    pub folder: String,
    /// Packages of the workspace that it depends on, tests apart.
    pub dependencies: Vec<String>,
    /// Roots of its library and its binaries, and whether it is a binary's.
    pub roots: Vec<(PathBuf, bool)>,
    /// Edition, licence.
    pub facts: [String; 2],
    /// Whether it can be published.
    pub publish: bool,
}

/// The workspace's root folder.
pub fn workspace() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(umbra::workspace::root)
}

/// All packages.
pub fn all() -> &'static [Package] {
    static ALL: OnceLock<Vec<Package>> = OnceLock::new();
    ALL.get_or_init(|| {
        let arguments = ["metadata", "--format-version", "1", "--no-deps", "--quiet"];
        let output = Command::new("cargo")
            .args(arguments)
            .current_dir(workspace())
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(package)
            .collect()
    })
}

fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let folder = manifest.parent().unwrap().strip_prefix(workspace()).unwrap();
    let is = |target: &Value, kinds: &[&str]| kinds.iter().any(|kind| target["kind"][0] == *kind);
    let local = |dependency: &&Value| dependency["path"].is_string() && dependency["kind"] != "dev";
    Package {
        name: text(&value["name"]),
        folder: folder.to_string_lossy().into_owned(),
        dependencies: list(&value["dependencies"])
            .filter(local)
            .map(|entry| text(&entry["name"]))
            .collect(),
        roots: list(&value["targets"])
            .filter(|target| is(target, &["lib", "proc-macro", "bin"]))
            .map(|target| (PathBuf::from(text(&target["src_path"])), is(target, &["bin"])))
            .collect(),
        facts: [text(&value["edition"]), text(&value["license"])],
        publish: !value["publish"].as_array().is_some_and(Vec::is_empty),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
