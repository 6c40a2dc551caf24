//! What must hold whatever bytes arrive, one function for each door: it takes any bytes and panics if a rule is broken.
//!
//! The fuzzers in `fuzz/` call these functions; the tests here replay the fuzzers' seeds, so that neither can rot.
#![forbid(unsafe_code)]

mod frames;
mod heads;
mod image;
mod link;
pub mod mend;
mod package;

pub use frames::frames;
pub use heads::heads;
pub use image::image;
pub use link::link;
pub use package::package;
