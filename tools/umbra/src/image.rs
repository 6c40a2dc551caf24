//! What is loaded: ELF files in, images out.
//!
//! ```text
//! root task ELF ── UserImage::from_elf ──┐                      ┌─ loader ELF, kernel ELF
//! payload bytes ── append_payload ───────┴─ UserImage ── boot_image::build ── boot image (ELF for QEMU)
//! ```

pub mod boot_image;
pub mod elf;
mod error;
pub mod user_image;

pub use error::ImageError;
