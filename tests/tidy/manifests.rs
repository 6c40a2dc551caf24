//! What is the same for all packages stands in the workspace's manifest only.

use crate::{none, packages};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

#[test]
fn packages_inherit_from_the_workspace() {
    let mut complaints = Vec::new();
    for package in packages::all() {
        let path = packages::workspace().join(&package.folder).join("Cargo.toml");
        let manifest = std::fs::read_to_string(path).unwrap();
        for field in INHERITED {
            let (short, long) = (
                format!("{field}.workspace = true"),
                format!("{field} = {{ workspace = true }}"),
            );
            if !manifest.contains(&short) && !manifest.contains(&long) {
                complaints.push(format!("{}/Cargo.toml: `{short}` is missing", package.folder));
            }
        }
        if !manifest.contains("[lints]\nworkspace = true") {
            complaints.push(format!(
                "{}/Cargo.toml: `[lints] workspace = true` is missing",
                package.folder
            ));
        }
        if package.facts != ["2024", "MIT OR Apache-2.0"] || package.publish {
            complaints.push(format!(
                "{}: edition, licence or publish differ: {:?}",
                package.folder, package.facts
            ));
        }
    }
    none(&complaints);
}
