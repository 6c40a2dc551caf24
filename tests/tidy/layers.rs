//! Dependencies point down only (ARCHITECTURE.md, design: layers).

use crate::none;
use crate::packages::{self, Package};

/// Where a package stands. A package may depend on what stands lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// Numbers, formats and messages.
    L0,
    L1,
    L2,
    L3,
    /// Programs; none depends on another.
    L4,
    /// What runs on the host, and what exists for tests only.
    Host,
}

/// By folder; the longest entry that is the folder or contains it counts.
const LAYERS: &[(&str, Layer)] = &[
    ("crates/client-report", Layer::L0),
    ("crates/crash-points", Layer::L0),
    ("crates/control-protocol", Layer::L0),
    ("crates/driver-package", Layer::L0),
    ("crates/pci", Layer::L0),
    ("crates/sel4-abi", Layer::L0),
    ("crates/smmu", Layer::L0),
    ("crates/supervision", Layer::L0),
    ("crates/system-spec", Layer::L0),
    ("crates/trace", Layer::L0),
    // Macros are compiled for the host and know none of our crates.
    ("crates/sel4-macros", Layer::L0),
    ("crates/sel4", Layer::L1),
    ("crates/shared-ring", Layer::L1),
    ("kernel/core", Layer::L1),
    ("crates/device-class", Layer::L2),
    ("crates/sel4-microkit", Layer::L2),
    ("crates/sel4-root-task", Layer::L2),
    ("kernel", Layer::L2),
    ("crates/bench-load", Layer::L3),
    ("crates/driver-runtime", Layer::L3),
    ("crates/fat-partition", Layer::L3),
    ("crates/file-service", Layer::L2),
    ("crates/ip-session", Layer::L3),
    ("crates/shadow", Layer::L3),
    ("drivers", Layer::L4),
    ("loader", Layer::L4),
    ("pds", Layer::L4),
    ("root", Layer::L4),
    ("shadows", Layer::L4),
    ("crates/sdf", Layer::Host),
    ("tests", Layer::Host),
    ("tools", Layer::Host),
];

fn layer(folder: &str) -> Option<Layer> {
    let contains = |room: &str| {
        folder == room
            || folder
                .strip_prefix(room)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let found = LAYERS
        .iter()
        .filter(|(room, _)| contains(room))
        .max_by_key(|(room, _)| room.len());
    found.map(|(_, layer)| *layer)
}

fn complaints(all: &[Package]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in all {
        let Some(own) = layer(&package.folder) else {
            complaints.push(format!(
                "{}: give it a layer in tests/tidy/layers.rs",
                package.folder
            ));
            continue;
        };
        for name in &package.dependencies {
            let Some(dependency) = all.iter().find(|other| other.name == *name) else {
                continue;
            };
            let Some(theirs) = layer(&dependency.folder) else {
                continue;
            };
            let down = theirs < own || (own, theirs) == (Layer::Host, Layer::Host);
            if !down {
                complaints.push(format!(
                    "{} ({own:?}) depends on {name} ({theirs:?})",
                    package.folder
                ));
            }
        }
    }
    complaints
}

#[test]
fn dependencies_point_down() {
    none(&complaints(packages::all()));
}

#[test]
fn wrong_directions_are_noticed() {
    let package = |name: &str, folder: &str, dependencies: &[&str]| Package {
        name: name.into(),
        folder: folder.into(),
        dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        roots: Vec::new(),
        facts: Default::default(),
        publish: false,
    };
    let all = [
        package("sel4", "crates/sel4", &["trace"]),
        package("trace", "crates/trace", &["sel4"]),
        package("control", "pds/control", &["root"]),
        package("root", "root", &["sel4"]),
        package("umbra", "tools/umbra", &["root", "other-tool"]),
        package("other-tool", "tools/other", &[]),
        package("stray", "stray", &[]),
    ];
    assert_eq!(
        complaints(&all),
        [
            "crates/trace (L0) depends on sel4 (L1)",
            "pds/control (L4) depends on root (L4)",
            "stray: give it a layer in tests/tidy/layers.rs",
        ]
    );
}
