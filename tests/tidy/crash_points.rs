//! Programs that die on demand are built for tests only.

use crate::{none, packages, source};

const FEATURE: &str = "crash-points";

#[test]
fn no_product_description_names_a_build_that_dies_on_demand() {
    let mut complaints = Vec::new();
    for file in source::files(&["xml"]) {
        if file.path.starts_with("systems/") && file.text.contains(FEATURE) {
            complaints.push(format!("{}: names `{FEATURE}`", file.path));
        }
    }
    none(&complaints);
}

#[test]
fn no_feature_switches_crash_points_on_by_the_way() {
    let mut complaints = Vec::new();
    for package in packages::all() {
        let path = packages::workspace().join(&package.folder).join("Cargo.toml");
        let manifest = std::fs::read_to_string(path).unwrap();
        for line in manifest.lines().filter(|line| line.contains(FEATURE)) {
            let own = package.name == FEATURE && line.starts_with("name = ");
            let feature = line == "crash-points = [\"dep:crash-points\"]";
            let dependency = line == "crash-points = { workspace = true, optional = true }";
            // The tests themselves say what is to be armed.
            let test = package.folder == "tests" && line == "crash-points = { workspace = true }";
            if !(own || feature || dependency || test) {
                complaints.push(format!("{}/Cargo.toml: `{line}`", package.folder));
            }
        }
    }
    none(&complaints);
}
