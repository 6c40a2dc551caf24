//! The driver package: manifest and image, bound together by one hash.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | `magic: u32` | "UMPK" |
//! | 4 | `version: u32` | [`VERSION`] |
//! | 8 | `hash: [u8; 32]` | SHA-256 of everything from offset 144 to the end: the package's identity |
//! | 40 | [signature block](signature::SignatureBlock) | signs `hash`, and so is not part of what is hashed |
//! | 144 | [`ManifestRecord`] | 1296 bytes |
//! | 1440 | image | to the end |
//!
//! [`Package::parse`] checks the form; whether the package is to be trusted is for [`signature::Trust`] to say.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::HASH_LEN;
use crate::image::{DRIVER_WINDOW, FlatImage, ImageError};
use signature::SignatureBlock;

mod device;
#[cfg(feature = "alloc")]
mod encode;
#[cfg(feature = "alloc")]
pub use encode::{ManifestSource, encode, sign};
mod manifest;
pub mod signature;
pub use device::{COMPATIBLE_MAX, Device, DeviceMatch, DeviceMatchRecord, Mismatch, is_compatible};
pub use manifest::{Configuration, Manifest, ManifestRecord, Transport};

/// "UMPK", the first word of a package.
pub const MAGIC: u32 = 0x4b50_4d55;
/// Version of the format.
pub const VERSION: u32 = 2;
/// Most devices, or kinds of them, that a manifest names.
pub const MAX_DEVICES: usize = 8;
/// Where the hashed part starts.
const HASHED_FROM: usize = 144;
/// Where the image starts.
#[cfg(feature = "alloc")]
const IMAGE_FROM: usize = HEAD_LEN;

/// Bytes of a package before its image: enough for [`describe`].
pub const HEAD_LEN: usize = HASHED_FROM + size_of::<ManifestRecord>();

/// Name and version that the manifest in a package's first bytes states, with nothing else checked: for people's eyes,
/// not for decisions.
pub fn describe(head: &[u8]) -> Option<(&str, &str)> {
    let (record, _) = ManifestRecord::ref_from_prefix(head.get(HASHED_FROM..)?).ok()?;
    let name = manifest::text(&record.name).ok()?;
    Some((name, manifest::text(&record.version).ok()?))
}

/// Security floor that the manifest in a package's first bytes states, and the key that its signature names, with nothing else
/// checked: of a package that was verified before.
pub fn stated_limits(head: &[u8]) -> Option<(u32, Option<signature::PublicKey>)> {
    let (header, hashed) = Header::read_from_prefix(head).ok()?;
    let (record, _) = ManifestRecord::ref_from_prefix(hashed).ok()?;
    let signed = header.signature.scheme == signature::SCHEME_ED25519;
    Some((
        record.security_floor.get(),
        signed.then_some(header.signature.key),
    ))
}

/// The fixed start of a package, as it lies in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: u32,
    version: u32,
    hash: [u8; HASH_LEN],
    signature: SignatureBlock,
}
const _: () = assert!(size_of::<Header>() == HASHED_FROM && signature::RANGE.end == HASHED_FROM);

/// Which rule a package breaks. [`number`](Self::number) reaches the operator and is part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageError {
    /// Shorter than header and manifest.
    Truncated,
    /// Does not start with [`MAGIC`].
    Magic,
    /// Another [`VERSION`] of the format.
    Version,
    /// The content is not what was hashed (or was cut off, or added to).
    Hash,
    /// A signature of an unknown scheme, or an unsigned package with something in its signature block.
    Signature,
    /// The length the manifest states is not the image's.
    Length,
    /// A text is not zero-padded printable UTF-8, or an obligatory one is empty.
    Text,
    /// Unknown transport.
    Transport,
    /// No devices, too many, or one that is none.
    Devices,
    /// A heap larger than a driver's window.
    Heap,
    /// A reserved field is set.
    Reserved,
    /// Unknown configuration of the kernel ABI.
    Configuration,
    /// The image inside breaks a rule.
    Image(ImageError),
}

impl PackageError {
    /// All but those of the image.
    const OWN: [Self; 12] = [
        Self::Truncated,
        Self::Magic,
        Self::Version,
        Self::Hash,
        Self::Signature,
        Self::Length,
        Self::Text,
        Self::Transport,
        Self::Devices,
        Self::Heap,
        Self::Reserved,
        Self::Configuration,
    ];

    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        let own = Self::OWN.into_iter().find(|known| known.number() == number);
        own.or_else(|| ImageError::from_number(number.checked_sub(0x100)?).map(Self::Image))
    }

    /// A small number: 1 to 12 for the package, 0x100 and the image error's number for the image.
    pub fn number(self) -> u32 {
        match self {
            Self::Truncated => 1,
            Self::Magic => 2,
            Self::Version => 3,
            Self::Hash => 4,
            Self::Signature => 5,
            Self::Length => 6,
            Self::Text => 7,
            Self::Transport => 8,
            Self::Devices => 9,
            Self::Heap => 10,
            Self::Reserved => 11,
            Self::Configuration => 12,
            Self::Image(error) => 0x100 + error as u32,
        }
    }
}

/// A checked view of a package.
#[derive(Clone, Copy, Debug)]
pub struct Package<'a> {
    manifest: Manifest<'a>,
    image: FlatImage<'a>,
    hash: [u8; HASH_LEN],
    signature: SignatureBlock,
}

impl<'a> Package<'a> {
    /// Checks `bytes` completely: form, hash, signature block, manifest, image, in that order. The one hash covers the image too. Whether the package fits a
    /// device slot is for the caller to ask ([`Manifest::serves`]).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PackageError> {
        Self::parse_hashed(bytes, crate::sha256)
    }

    /// As [`parse`](Self::parse), but what the header says of the hash is believed: for bytes that `parse` accepted before.
    pub fn parse_again(bytes: &'a [u8]) -> Result<Self, PackageError> {
        let (header, _) = Header::read_from_prefix(bytes).map_err(|_| PackageError::Truncated)?;
        Self::parse_hashed(bytes, |_| header.hash)
    }

    fn parse_hashed(
        bytes: &'a [u8],
        hash: impl FnOnce(&[u8]) -> [u8; HASH_LEN],
    ) -> Result<Self, PackageError> {
        let (header, hashed) = Header::read_from_prefix(bytes).map_err(|_| PackageError::Truncated)?;
        if header.magic != MAGIC {
            return Err(PackageError::Magic);
        }
        if header.version != VERSION {
            return Err(PackageError::Version);
        }
        if header.hash != hash(hashed) {
            return Err(PackageError::Hash);
        }
        header.signature.check()?;
        let (record, image) = ManifestRecord::ref_from_prefix(hashed).map_err(|_| PackageError::Truncated)?;
        let manifest = Manifest::check(record)?;
        if record.image_len.get() as usize != image.len() {
            return Err(PackageError::Length);
        }
        let image = FlatImage::parse_covered(image, DRIVER_WINDOW).map_err(PackageError::Image)?;
        Ok(Self {
            manifest,
            image,
            hash: header.hash,
            signature: header.signature,
        })
    }

    /// What the package says of itself.
    pub fn manifest(&self) -> &Manifest<'a> {
        &self.manifest
    }
    /// The signature, **not verified**: see [`signature::Trust`]. `None`: unsigned.
    pub fn signature(&self) -> Option<&SignatureBlock> {
        Some(&self.signature).filter(|block| block.scheme != signature::SCHEME_NONE)
    }
    /// The driver.
    pub fn image(&self) -> &FlatImage<'a> {
        &self.image
    }
    /// The content hash, which was found to be right: the identity of the package.
    pub fn hash(&self) -> &[u8; HASH_LEN] {
        &self.hash
    }
}

#[cfg(test)]
mod tests;
