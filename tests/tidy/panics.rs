//! Nothing on the target panics on purpose: a panic that a peer's data can reach is an attack.
//!
//! What remains is listed here, file by file, with the number of places and the reason.

use crate::none;
use crate::source;

const PATTERNS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "panic!(",
    "unreachable!(",
    "todo!(",
    "unimplemented!(",
];

/// Where programs for the target and their crates are.
const ROOMS: &[&str] = &[
    "crates/", "drivers/", "kernel/", "loader/", "pds/", "root/", "shadows/",
];

/// Not on the target, whole folders or files.
const HOST: &[&str] = &[
    "crates/fat-partition/src/ram.rs",
    "crates/sdf/",
    "crates/sel4-macros/",
    "crates/sel4/src/syscall/host.rs",
    "pds/control/src/fake.rs",
    "pds/control/src/fake/",
];

const UPSTREAM: &str = "the API of rust-sel4 says so: misuse by the program itself";
const DESCRIPTION: &str = "start of a program: what the compiled description says is not there";
const DIES: &str = "a test build, whose point it is";

/// File, how many places, why they are there.
const ALLOWED: &[(&str, usize, &str)] = &[
    ("crates/crash-points/src/lib.rs", 1, DIES),
    ("crates/device-class/src/abi.rs", 1, "runs at compile time"),
    (
        "crates/driver-runtime/src/dma.rs",
        2,
        "in a driver, whose faults are its own affair",
    ),
    (
        "crates/driver-runtime/src/virtio/glue/hal.rs",
        1,
        "in a driver, whose faults are its own affair",
    ),
    ("crates/sel4-microkit/src/handler.rs", 1, UPSTREAM),
    ("crates/sel4/src/buffer.rs", 1, UPSTREAM),
    ("pds/command/src/main.rs", 1, DESCRIPTION),
    (
        "pds/command/src/memory.rs",
        2,
        "what the published driver never asks for without PCI",
    ),
    ("pds/control/src/crash.rs", 1, DIES),
    ("pds/control/src/outside.rs", 2, DESCRIPTION),
    ("pds/disk-check/src/main.rs", 1, DESCRIPTION),
    ("pds/file-check/src/main.rs", 1, DESCRIPTION),
    ("pds/stager/src/main.rs", 1, DESCRIPTION),
    ("shadows/block/src/main.rs", 4, DESCRIPTION),
    ("shadows/net/src/main.rs", 4, DESCRIPTION),
];

fn counted(product_code: &str) -> usize {
    PATTERNS
        .iter()
        .map(|pattern| product_code.matches(pattern).count())
        .sum()
}

fn on_target(path: &str) -> bool {
    let build_script = path.ends_with("/build.rs");
    ROOMS.iter().any(|room| path.starts_with(room))
        && !HOST.iter().any(|room| path.starts_with(room))
        && !build_script
}

#[test]
fn target_code_does_not_panic_on_purpose() {
    let files = source::product(source::files(&["rs"]));
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| on_target(&file.path)) {
        let found = counted(&file.text);
        let allowed = ALLOWED
            .iter()
            .find(|entry| entry.0 == file.path)
            .map_or(0, |entry| entry.1);
        if found != allowed {
            complaints.push(format!(
                "{}: {found} places that panic, {allowed} allowed",
                file.path
            ));
        }
    }
    let gone = ALLOWED
        .iter()
        .filter(|entry| !files.iter().any(|file| file.path == entry.0));
    complaints.extend(gone.map(|entry| format!("{}: allowed to panic, but there is no such file", entry.0)));
    none(&complaints);
}

#[test]
fn panics_are_counted_outside_tests_only() {
    let text = "fn f() { a.unwrap(); b.expect(\"x.unwrap()\"); unreachable!() }
        #[cfg(test)]
        mod tests { fn g() { c.unwrap() } }";
    assert_eq!(counted(&source::product_code(text)), 3);
}
