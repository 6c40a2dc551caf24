//! Unsafe code has few homes; elsewhere the compiler forbids it.
//!
//! A program's shell (what hangs from `main.rs` alone) may have some: there, and only there, a configured address becomes a
//! page, a register or a link. Its library, where all rules are, may not.

use crate::{none, packages};

/// Packages whose business it is.
const HOMES: &[&str] = &[
    // Drivers are not trusted: address space and capabilities confine them, not the compiler.
    "drivers",
    // Exists in test builds only.
    "crates/crash-points",
    "crates/driver-runtime",
    "crates/sel4",
    "crates/sel4-microkit",
    "crates/sel4-root-task",
    "crates/shared-ring",
    "crates/trace",
    "kernel",
    // Tests that misbehave on purpose, or look at what no product code may see.
    "tests/drivers",
    "tests/programs",
];

const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

/// `kernel` is a home, `kernel/core` is not in it: a home is one package, or a room that is no package itself.
fn is_in(folder: &str, home: &str) -> bool {
    let room = !packages::all().iter().any(|package| package.folder == home);
    folder == home
        || (room
            && folder
                .strip_prefix(home)
                .is_some_and(|rest| rest.starts_with('/')))
}

#[test]
fn libraries_forbid_unsafe_code() {
    let mut complaints = Vec::new();
    for package in packages::all()
        .iter()
        .filter(|package| !HOMES.iter().any(|home| is_in(&package.folder, home)))
    {
        for (root, _) in package.roots.iter().filter(|(_, is_binary)| !is_binary) {
            if !std::fs::read_to_string(root).unwrap().contains(FORBIDDEN) {
                complaints.push(format!("{}: the library lacks `{FORBIDDEN}`", package.folder));
            }
        }
    }
    none(&complaints);
}

#[test]
fn homes_of_unsafe_code_exist() {
    let exists = |home: &str| packages::all().iter().any(|package| is_in(&package.folder, home));
    let gone = HOMES.iter().filter(|home| !exists(home));
    none(&gone.map(|home| (*home).to_owned()).collect::<Vec<_>>());
}
