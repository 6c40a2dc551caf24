//! Tidy tests: rules about the source that a reviewer should not have to remember.
//!
//! | module | rule |
//! |---|---|
//! | `layers` | dependencies point down (ARCHITECTURE.md), programs do not depend on each other |
//! | `unsafe_code` | unsafe code only in its homes and in the shells of programs |
//! | `panics` | nothing on the target panics on purpose, but for what is listed with a reason |
//! | `crash_points` | no product build dies on demand |
//! | `manifests` | every package takes version, edition, licence and lints from the workspace |
//! | `text` | no paths of one machine, no registry hosts, no files that got too long |
#![forbid(unsafe_code)]

mod crash_points;
mod layers;
mod manifests;
mod packages;
mod panics;
mod source;
mod text;
mod unsafe_code;

/// Fails with all complaints at once.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
