//! The host tool's library: everything `cargo umbra` does, for the tool itself and for the boot tests.
//!
//! | module | |
//! |---|---|
//! | [`cli`] | arguments, exit codes |
//! | [`command`] | one module per subcommand |
//! | [`out`] | standard output, which may be closed |
//! | [`setup`] | what must be installed, and installing it |
//! | [`bound`] | children that end with this process |
//! | [`build`] | programs for the target, by cargo |
//! | [`image`] | ELF files, user images, boot images, flat images |
//! | [`complete`] | names that a shell completes |
//! | [`ctl`] | talking to a running machine |
//! | [`disk`] | disk images: made before, checked after |
//! | [`new`] | drivers from a template |
//! | [`pack`] | driver packages |
//! | [`testing`] | what the boot tests are told |
//! | [`demo`] | the demo: steps, report |
//! | [`timeline`] | a swap as a picture |
//! | [`top`] | the live view |
//! | [`releases`] | the published releases, one after the other |
//! | [`system`] | described systems: from `system.xml` to a boot image |
//! | [`qemu`] | running machines: arguments, console, QMP |
#![forbid(unsafe_code)]

// First: its macros are meant everywhere below.
#[macro_use]
pub mod out;

pub mod bound;
pub mod build;
pub mod cli;
pub mod command;
pub mod complete;
pub mod ctl;
pub mod demo;
pub mod disk;
pub mod image;
pub mod keys;
pub mod new;
pub mod pack;
pub mod profile;
pub mod progress;
pub mod qemu;
pub mod releases;
pub mod setup;
pub mod system;
pub mod testing;
pub mod timeline;
pub mod top;
pub mod workspace;
