//! A swap of a driver as a picture: a lane per part of the system, the ten steps, and the requests of clients through the
//! blackout.
//!
//! | module | |
//! |---|---|
//! | [`record`] | the traces of a machine, read while a swap takes place |
//! | [`swap`] | the newest swap in the traces |
//! | [`draw`] | the picture |
//! | [`svg`] | its shapes |

pub mod draw;
pub mod record;
pub mod svg;
pub mod swap;

pub use draw::draw;
pub use record::{Noted, Recording};
pub use swap::Swap;

use anyhow::{Context, Result};
use std::path::Path;

/// Draws the newest swap of a recording into a file.
///
/// # Errors
/// There is none, or the file cannot be written.
pub fn write(recording: &Recording, title: &str, file: &Path) -> Result<()> {
    let swap = Swap::newest(recording)?;
    std::fs::write(file, draw(&swap, title)).with_context(|| format!("writing {}", file.display()))
}
