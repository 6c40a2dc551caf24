//! What is loaded: ELF files in, images out.
//!
//! ```text
//! root task ELF ── UserImage::from_elf ──┐                      ┌─ loader ELF, kernel ELF
//! payload bytes ── UserImage::compose ───┴─ UserImage ── boot_image::build ── boot image (ELF for QEMU)
//! PD or driver ELF ── flat::flatten ── flat image ── into the payload, or into a driver package
//! ```

pub mod boot_image;
pub mod elf;
mod error;
#[cfg(test)]
mod fixture;
pub mod flat;
pub mod user_image;

pub use error::ImageError;
