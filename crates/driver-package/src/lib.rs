//! What a driver is made of outside a running PD: the flat image and the package around it
//! ([`image`], [`package`]), and what a driver finds when it starts ([`resources`]).
//!
//! Both sides of each format meet only here: the host tool writes packages, the stager verifies them, root
//! builds PDs from their images, and the driver runtime reads the resources page. All numbers are little-endian.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod image;
pub mod package;
pub mod resources;

#[cfg(not(target_endian = "little"))]
compile_error!("the formats are read in place and are little-endian");

/// Bytes of a SHA-256.
pub const HASH_LEN: usize = 32;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; HASH_LEN] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
