//! What must hold whatever bytes arrive, one function for each door: it takes any bytes and panics if a rule is broken.
//!
//! The fuzzers in `fuzz/` call these functions; the tests here replay the fuzzers' seeds, so that neither can rot.
#![forbid(unsafe_code)]

mod answers;
mod descriptors;
mod files;
mod frames;
mod heads;
mod image;
mod link;
pub mod mend;
#[expect(dead_code, unused_imports, reason = "its owner's tests use more of it")]
#[path = "../../../shadows/net/tests/behaviour/world/mod.rs"]
mod net_world;
mod package;
mod stations;

pub use answers::answers;
pub use descriptors::descriptors;
pub use files::files;
pub use frames::frames;
pub use heads::heads;
pub use image::image;
pub use link::link;
pub use package::package;
pub use stations::stations;
